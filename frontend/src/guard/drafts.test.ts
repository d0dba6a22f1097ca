import { expect, test } from 'vitest'
import { staysUnlocked } from './drafts'

const MINUTE = 60_000

test('a phone that lay untouched for three minutes locks', () => {
  expect(staysUnlocked(0, 3 * MINUTE - 1, false)).toBe(true)
  expect(staysUnlocked(0, 3 * MINUTE, false)).toBe(false)
})

test('a phone with marks that are not saved waits for its guard', () => {
  expect(staysUnlocked(0, 45 * MINUTE, true)).toBe(true)
})

test('it does not wait until the next night', () => {
  expect(staysUnlocked(0, 13 * 60 * MINUTE, true)).toBe(false)
})
