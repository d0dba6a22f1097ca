import { expect, test } from 'vitest'
import { draftKey, forgetDraft, newestDraft, staysUnlocked } from './drafts'

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

function kept(entries: Record<string, unknown>) {
  const all = new Map(Object.entries(entries))
  return {
    all,
    get: async <T>(key: string) => all.get(key) as T | undefined,
    remove: async (key: string) => void all.delete(key),
    keys: async () => [...all.keys()],
  }
}

const draft = (tag: string, at?: number) => ({ tag, method: 'typed', marks: {}, ...(at === undefined ? {} : { at }) })

test('two tabs with a half-filled checklist each keep their own, and the one touched last is offered first', async () => {
  const drafts = kept({ person: { id: 'p' }, [draftKey('A')]: draft('A', 5), [draftKey('B')]: draft('B', 9) })
  expect(await newestDraft(drafts)).toMatchObject({ tag: 'B' })
  await forgetDraft(drafts, 'B')
  expect(await newestDraft(drafts)).toMatchObject({ tag: 'A' })
  await forgetDraft(drafts, 'A')
  expect(await newestDraft(drafts)).toBeNull()
  expect([...drafts.all.keys()]).toEqual(['person'])
})

test('a checklist that the version before left half-filled is found, and forgotten once it is done', async () => {
  const drafts = kept({ checklist: draft('A') })
  expect(await newestDraft(drafts)).toMatchObject({ tag: 'A' })
  await forgetDraft(drafts, 'B')
  expect(await newestDraft(drafts)).toMatchObject({ tag: 'A' })
  await forgetDraft(drafts, 'A')
  expect(await newestDraft(drafts)).toBeNull()
})
