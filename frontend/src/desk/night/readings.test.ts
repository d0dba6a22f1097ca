import { describe, expect, it } from 'vitest'
import { abnormal, normal } from './readings'

describe('readings', () => {
  it('come in the order of the checklist, whatever order the phone wrote them in', () => {
    const readings = { hazard: { value: 'found' }, ac: { value: 'on' }, lights: { value: 'off' } }
    expect(abnormal(readings).map((seen) => seen.key)).toEqual(['ac', 'hazard'])
    expect(normal(readings).map((seen) => seen.key)).toEqual(['lights'])
  })
  it('name the kind of finding they raise', () => {
    const readings = { running: { value: 'yes' }, doors_windows: { value: 'open' }, lights: { value: 'on' } }
    expect(abnormal(readings).map((seen) => seen.kind)).toEqual(['light', 'hazard', 'leak'])
  })
  it('leave a question of a newer phone to nobody', () => {
    expect(abnormal({ radon: { value: 'high' } })).toEqual([])
  })
})
