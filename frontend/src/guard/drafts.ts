import type { Look } from './patrol.svelte'
import type { Marks } from './checklist/marks'

/** Keys of what survives a killed page (the camera app may take the browser's memory). */
const DRAFT = 'checklist'
export const PERSON = 'person'
export const ROUTE = 'route'

/** A half-filled checklist. */
export interface Draft {
  readonly tag: string
  readonly method: Look['method']
  readonly marks: Marks
  /** When it was touched last; drafts of earlier versions have no time. */
  readonly at?: number
}

interface Drafts {
  get<T>(key: string): Promise<T | undefined>
  remove(key: string): Promise<void>
  keys(): Promise<string[]>
}

/** One for each tag: two tabs, each with its own half-filled checklist, leave each other's alone. */
export function draftKey(tag: string): string {
  return `${DRAFT}:${tag}`
}

/** The half-filled checklist that was touched last, if any. */
export async function newestDraft(drafts: Drafts): Promise<Draft | null> {
  const keys = (await drafts.keys()).filter((key) => key === DRAFT || key.startsWith(`${DRAFT}:`))
  const found = await Promise.all(keys.map((key) => drafts.get<Draft>(key)))
  const there = found.filter((draft) => draft !== undefined)
  return there.sort((one, other) => (other.at ?? 0) - (one.at ?? 0))[0] ?? null
}

/** Forget the half-filled checklist of a tag, also where an earlier version kept the only one. */
export async function forgetDraft(drafts: Drafts, tag: string): Promise<void> {
  await drafts.remove(draftKey(tag))
  if ((await drafts.get<Draft>(DRAFT))?.tag === tag) await drafts.remove(DRAFT)
}

const IDLE = 3 * 60_000
const IDLE_WITH_MARKS = 12 * 3_600_000

/** A phone nobody touched for three minutes locks; one with unsaved marks waits for its guard, a night at most. */
export function staysUnlocked(active: number, now: number, marked: boolean): boolean {
  return now - active < (marked ? IDLE_WITH_MARKS : IDLE)
}
