import { expect, test } from 'vitest'
import { askedAt } from './figure'

const PLACES = ['p1', 'p2', 'p3', 'p4', 'p5']

test('the door is chosen as the server chooses it', async () => {
  // By campus_patrol.places.rules.asked_at.
  expect(await askedAt('c0ffee', 'd1', '2026-11-22', 'r1', PLACES)).toBe('p1')
  expect(await askedAt('c0ffee', 'd1', '2026-11-23', 'r1', PLACES)).toBe('p3')
  expect(await askedAt('c0ffee', 'd2', '2026-11-22', 'r1', [...PLACES].reverse())).toBe('p1')
})
test('where no door has digits nobody asks', async () => {
  expect(await askedAt('c0ffee', 'd1', '2026-11-22', 'r1', [])).toBeNull()
})
