import { expect, test, vi } from 'vitest'
import { Later } from './later.svelte'

test('screens that did not arrive are said to be missing and come with the next try', async () => {
  const parts = {} as typeof import('./parts')
  const load = vi.fn().mockRejectedValueOnce(new TypeError('no network')).mockResolvedValueOnce(parts)
  const later = new Later(load)
  await later.fetch()
  expect([later.failed, later.parts]).toEqual([true, null])
  await later.fetch()
  expect([later.failed, later.parts]).toEqual([false, parts])
})
