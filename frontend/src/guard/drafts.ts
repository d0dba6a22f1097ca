import type { Look } from './patrol.svelte'
import type { Marks } from './checklist/marks'

/** Keys of what survives a killed page (the camera app may take the browser's memory). */
export const DRAFT = 'checklist'
export const PERSON = 'person'
export const ROUTE = 'route'

/** A half-filled checklist. */
export interface Draft {
  readonly tag: string
  readonly method: Look['method']
  readonly marks: Marks
}

const IDLE = 3 * 60_000
const IDLE_WITH_MARKS = 12 * 3_600_000

/** A phone nobody touched for three minutes locks; one with unsaved marks waits for its guard, a night at most. */
export function staysUnlocked(active: number, now: number, marked: boolean): boolean {
  return now - active < (marked ? IDLE_WITH_MARKS : IDLE)
}
