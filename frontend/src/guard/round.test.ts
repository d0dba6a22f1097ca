import { describe, expect, test } from 'vitest'
import type { PackPlace, PackRoute, RecordView } from '../outbox'
import {
  dueRoute,
  instantOf,
  nextStops,
  nightBounds,
  nightOf,
  openRound,
  placesDone,
  standing,
  timeLeft,
  weekdayOf,
} from './round'

const ZONE = 'Asia/Shanghai'
const at = (text: string) => Date.parse(text)

function route(change: Partial<PackRoute> = {}): PackRoute {
  const base = { id: 'r', name: '教学区', start: '22:30', window: 60, weekdays: [1, 2, 3, 4, 5], questions: [], stops: [] }
  return { ...base, ...change }
}

function record(change: Partial<RecordView> & Pick<RecordView, 'id' | 'kind'>): RecordView {
  return {
    n: 1,
    at: '2026-11-23T15:00:00Z',
    person: null,
    tag: null,
    ref: null,
    data: {},
    photos: [],
    state: 'waiting',
    code: null,
    ...change,
  }
}

const look = (id: string, place: string, time = '2026-11-23T15:00:00Z') =>
  record({ id, kind: 'checkpoint', at: time, data: { place, readings: {} } })

function place(id: string, last: PackPlace['last'] = null): PackPlace {
  return { id, building: 'b', floor: 1, kind: 'room', number: id, name: id, type: null, questions: [], last }
}

describe('the night', () => {
  test('forty minutes past midnight belong to the evening before', () => {
    expect(nightOf(at('2026-11-22T16:40:00Z'), ZONE)).toBe('2026-11-22')
  })
  test('changes at noon in the school, not at noon in Greenwich', () => {
    expect(nightOf(at('2026-11-23T03:59:59Z'), ZONE)).toBe('2026-11-22')
    expect(nightOf(at('2026-11-23T04:00:00Z'), ZONE)).toBe('2026-11-23')
  })
  test('runs from noon to noon, also when summer time ends in between', () => {
    const { from, to } = nightBounds('2026-10-31', 'America/New_York')
    expect(to - from).toBe(25 * 3_600_000)
    expect(nightOf(from, 'America/New_York')).toBe('2026-10-31')
    expect(nightOf(to - 1, 'America/New_York')).toBe('2026-10-31')
    expect(nightOf(to, 'America/New_York')).toBe('2026-11-01')
  })
  test('knows its weekday with Monday as 1 and Sunday as 7', () => {
    expect(weekdayOf('2026-11-22')).toBe(7)
    expect(weekdayOf('2026-11-23')).toBe(1)
  })
  test('finds the instant of a wall clock', () => {
    expect(instantOf('2026-11-22', '23:30', ZONE)).toBe(at('2026-11-22T15:30:00Z'))
  })
})

describe('the route of the moment', () => {
  const early = route({ id: 'early', start: '21:30', window: 60 })
  const late = route({ id: 'late', start: '23:30', window: 60 })
  const afterMidnight = route({ id: 'after', start: '00:30', window: 60 })
  const sunday = route({ id: 'sunday', weekdays: [7] })
  const routes = [afterMidnight, late, sunday, early]
  const monday = '2026-11-23'

  test('is the one whose window is open', () => {
    expect(dueRoute(routes, monday, instantOf(monday, '22:00', ZONE), ZONE)?.id).toBe('early')
  })
  test('is the next one between two windows', () => {
    expect(dueRoute(routes, monday, instantOf(monday, '22:45', ZONE), ZONE)?.id).toBe('late')
  })
  test('that starts after midnight still belongs to the night before', () => {
    expect(dueRoute(routes, monday, instantOf('2026-11-24', '00:35', ZONE), ZONE)?.id).toBe('after')
  })
  test('is the last one when all windows are over', () => {
    expect(dueRoute(routes, monday, instantOf('2026-11-24', '05:00', ZONE), ZONE)?.id).toBe('after')
  })
  test('is none when nothing is planned for that weekday', () => {
    expect(dueRoute([sunday], monday, instantOf(monday, '22:00', ZONE), ZONE)).toBeNull()
  })
  test('says how much time is left, and how much it is over', () => {
    const left = (time: string) => timeLeft(early, monday, instantOf(monday, time, ZONE), ZONE)
    expect(left('21:00')).toEqual({ state: 'before', start: instantOf(monday, '21:30', ZONE) })
    expect(left('22:18')).toEqual({ state: 'open', minutes: 12 })
    expect(left('22:50')).toEqual({ state: 'over', minutes: 20 })
  })
})

describe('progress', () => {
  const bounds = nightBounds('2026-11-23', ZONE)

  test('counts a place once, however often it was looked at', () => {
    expect(placesDone([look('1', 'a'), look('2', 'a'), look('3', 'b')], [], bounds)).toEqual(new Set(['a', 'b']))
  })
  test('does not count what was taken back', () => {
    const records = [look('1', 'a'), record({ id: '2', kind: 'void', ref: '1' })]
    expect(placesDone(records, [], bounds).size).toBe(0)
    expect(standing(records)).toEqual([])
  })
  test('counts what another phone did tonight, but not last night', () => {
    const places = [
      place('a', { at: '2026-11-23T14:00:00Z', abnormal: [], person_name: '李' }),
      place('b', { at: '2026-11-22T14:00:00Z', abnormal: [], person_name: '李' }),
    ]
    expect(placesDone([], places, bounds)).toEqual(new Set(['a']))
  })
  test('leaves an unknown tag out, for it is no place of the route', () => {
    expect(placesDone([record({ id: '1', kind: 'checkpoint', data: { place: null, readings: {} } })], [], bounds).size).toBe(0)
  })
  test('offers the stops after the last one first, then those that were passed over', () => {
    expect(nextStops(['a', 'b', 'c', 'd'], new Set(['b']), 'b')).toEqual(['c', 'd', 'a'])
    expect(nextStops(['a', 'b', 'c'], new Set(), null)).toEqual(['a', 'b', 'c'])
    expect(nextStops(['a', 'b'], new Set(), 'elsewhere')).toEqual(['a', 'b'])
  })
})

describe('the round', () => {
  const start = (id: string, route: string | null, night = '2026-11-23') =>
    record({ id, kind: 'round_start', data: { route, night } })

  test('stays open until it was ended', () => {
    const begun = [start('s1', 'r')]
    expect(openRound(begun, 'r', '2026-11-23')).toBe('s1')
    expect(openRound([...begun, record({ id: 'e', kind: 'round_end', data: { round: 's1' } })], 'r', '2026-11-23')).toBeNull()
  })
  test('of another route or another night is not this one', () => {
    expect(openRound([start('s1', 'r')], 'other', '2026-11-23')).toBeNull()
    expect(openRound([start('s1', 'r', '2026-11-22')], 'r', '2026-11-23')).toBeNull()
    expect(openRound([start('s1', null)], null, '2026-11-23')).toBe('s1')
  })
  test('begins anew after it was ended', () => {
    const records = [start('s1', 'r'), record({ id: 'e', kind: 'round_end', data: { round: 's1' } }), start('s2', 'r')]
    expect(openRound(records, 'r', '2026-11-23')).toBe('s2')
  })
})
