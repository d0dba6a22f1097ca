import { describe, expect, it } from 'vitest'
import { isNight, nightOf, nightsAgo, nightToShow, shifted } from './nights'

const shanghai = 'Asia/Shanghai'

describe('nights', () => {
  it('forty minutes past midnight still belongs to the evening before', () => {
    expect(nightOf(new Date('2026-11-22T16:40:00Z'), shanghai)).toBe('2026-11-22')
  })
  it('a night ends at noon, in the zone of the school and not of the browser', () => {
    expect(nightOf(new Date('2026-11-23T03:59:59Z'), shanghai)).toBe('2026-11-22')
    expect(nightOf(new Date('2026-11-23T04:00:00Z'), shanghai)).toBe('2026-11-23')
    expect(nightOf(new Date('2026-11-23T04:00:00Z'), 'Europe/London')).toBe('2026-11-22')
  })
  it('midnight itself is hour 0 and not hour 24', () => {
    expect(nightOf(new Date('2026-11-22T16:00:00Z'), shanghai)).toBe('2026-11-22')
  })
  it('steps cross months, years and leap days', () => {
    expect(shifted('2026-11-30', 1)).toBe('2026-12-01')
    expect(shifted('2027-01-01', -1)).toBe('2026-12-31')
    expect(shifted('2028-02-28', 1)).toBe('2028-02-29')
  })
  it('only real dates are nights', () => {
    expect(isNight('2026-11-22')).toBe(true)
    expect(isNight('2026-02-30')).toBe(false)
    expect(isNight('22.11.2026')).toBe(false)
    expect(isNight('')).toBe(false)
  })
  it('last night stays on the screen until tonight has its first record', () => {
    const evening = new Date('2026-11-22T14:00:00Z')
    expect(nightToShow(evening, shanghai, ['2026-11-21', '2026-11-20'])).toBe('2026-11-21')
    expect(nightToShow(evening, shanghai, ['2026-11-22', '2026-11-21'])).toBe('2026-11-22')
    expect(nightToShow(evening, shanghai, [])).toBe('2026-11-22')
  })
  it('a phone whose clock runs ahead does not open a night that has not come', () => {
    expect(nightToShow(new Date('2026-11-22T14:00:00Z'), shanghai, ['2027-01-01', '2026-11-21'])).toBe('2026-11-21')
  })
  it('counts nights back from tonight', () => {
    const now = new Date('2026-11-22T14:00:00Z')
    expect(nightsAgo('2026-11-22', now, shanghai)).toBe(0)
    expect(nightsAgo('2026-11-21', now, shanghai)).toBe(1)
    expect(nightsAgo('2026-11-24', now, shanghai)).toBe(-2)
  })
})
