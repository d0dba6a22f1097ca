import { expect, test } from 'vitest'
import { Stopwatch } from './stopwatch'

test('a code that is read in the frame that shows it took as long as the reading', () => {
  const watch = new Stopwatch()
  watch.saw(1000)
  expect(watch.stop(1042.4)).toBe(42)
})
test('what counts begins with the first sight, however often it was not read', () => {
  const watch = new Stopwatch()
  for (const at of [5000, 5100, 7000, 9900]) watch.saw(at)
  expect(watch.stop(9950)).toBe(4950)
})
test('the walk to the next door does not count', () => {
  const watch = new Stopwatch()
  watch.saw(1000)
  watch.stop(1050)
  watch.saw(31_000)
  expect(watch.stop(31_060)).toBe(60)
  // Nor does a code that was passed by and never read.
  watch.saw(40_000)
  watch.saw(43_001)
  expect(watch.stop(43_041)).toBe(40)
})
