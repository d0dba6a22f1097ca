import { t } from '../../i18n/guard'
import { clockTime, day, dayAndTime } from '../../i18n/i18n'
import type { LastTry, PhoneState } from '../../outbox'

export type SyncMood = 'safe' | 'waiting' | 'sending' | 'wrong'

export interface SyncWords {
  readonly mood: SyncMood
  readonly sentence: string
  /** What stands in the way or happens next, in a second, smaller line. */
  readonly why: string | null
}

/** A time of the day alone would soon be taken for tonight's. */
const TIME_IS_ENOUGH = 12 * 3_600_000

/**
 * What waits and what is safe, in the words of a guard. Every figure is what the disk holds or what the server has
 * acknowledged with this phone's own hash; nothing is called delivered that the server has not confirmed.
 */
export function syncSentence(state: PhoneState, zone: string, now: number): SyncWords {
  const { trouble, sending, waiting, photosWaiting, aside, safeUntil } = state
  const here = waiting > 0 ? t.sync.waiting(waiting) : null
  if (trouble?.kind === 'storage') return { mood: 'wrong', sentence: t.sync.storage, why: null }
  // Whatever came back goes its usual way; the notice above it says what happened.
  if (trouble && !(trouble.kind === 'lost' && trouble.missing === 0)) return { mood: 'wrong', sentence: t.sync.show, why: here }
  if (!state.ready) return { mood: 'waiting', sentence: t.loading, why: null }
  if (sending && sending.total > 0) return { mood: 'sending', sentence: t.sync.sending(sending.done, sending.total), why: null }
  if (here) return { mood: 'waiting', sentence: here, why: reason(state.lastTry) }
  if (photosWaiting > 0) return { mood: 'waiting', sentence: t.sync.photos(photosWaiting), why: reason(state.lastTry) }
  if (safeUntil === null) return { mood: aside > 0 ? 'wrong' : 'safe', sentence: aside > 0 ? t.sync.aside(aside) : t.sync.never, why: null }
  const time = Math.abs(now - safeUntil) < TIME_IS_ENOUGH ? clockTime(safeUntil, zone) : dayAndTime(safeUntil, zone)
  if (aside > 0) return { mood: 'wrong', sentence: t.sync.aside(aside), why: t.sync.others(time) }
  return { mood: 'safe', sentence: t.sync.delivered(time), why: null }
}

function reason(last: LastTry | null): string {
  switch (last?.outcome) {
    case 'portal':
      return t.sync.portal
    case 'busy':
      return last.code === 'storage_failed' ? t.sync.full : t.sync.busy
    case 'refused':
      return t.sync.refused
    default:
      return t.sync.auto
  }
}

/** What is wrong with this phone, as one sentence; null when nothing is. */
export function troubleSentence(state: PhoneState): string | null {
  const { trouble } = state
  if (!trouble) return null
  switch (trouble.kind) {
    case 'storage':
      return t.trouble[trouble.reason]
    case 'lost':
      return t.trouble.lost(trouble.records, trouble.back, trouble.missing)
    case 'log':
      return t.trouble.log(day(trouble.day), trouble.number)
    default:
      return t.trouble[trouble.kind]
  }
}
