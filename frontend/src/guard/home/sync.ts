import { t } from '../../i18n/guard'
import { clockTime } from '../../i18n/i18n'
import type { PhoneState } from '../../outbox'

export type SyncMood = 'safe' | 'waiting' | 'sending' | 'wrong'

/** The one sentence about what waits and what is safe. Nothing is called delivered that the server has not confirmed. */
export function syncSentence(state: PhoneState, zone: string): { mood: SyncMood; sentence: string } {
  const { trouble, sending } = state
  if (trouble) return { mood: 'wrong', sentence: trouble.kind === 'storage' ? t.sync.storage : t.sync.show }
  if (sending && sending.total > 0) return { mood: 'sending', sentence: t.sync.sending(sending.done, sending.total) }
  if (state.waiting > 0) return { mood: 'waiting', sentence: t.sync.waiting(state.waiting) }
  if (state.photosWaiting > 0) return { mood: 'waiting', sentence: t.sync.photos(state.photosWaiting) }
  if (state.aside > 0) return { mood: 'wrong', sentence: t.sync.aside(state.aside) }
  if (state.safeUntil === null) return { mood: 'safe', sentence: t.sync.never }
  return { mood: 'safe', sentence: t.sync.delivered(clockTime(state.safeUntil, zone)) }
}

/** What is wrong with this phone, as one sentence; null when nothing is. */
export function troubleSentence(state: PhoneState): string | null {
  const { trouble } = state
  if (!trouble) return null
  switch (trouble.kind) {
    case 'storage':
      return t.trouble[trouble.reason]
    case 'signed_out':
      return t.trouble.signed_out
    case 'lost':
      return t.trouble.lost(trouble.records)
    case 'server':
      return t.trouble.server
  }
}
