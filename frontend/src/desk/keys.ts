/** What a key means in a list, so that every table on the desk answers the same keys. */

export type Move = 'next' | 'previous' | 'first' | 'last' | 'open' | 'search' | 'close' | null

/** The parts of a KeyboardEvent that decide. `typing` = the focus is in a text field or a select. */
export interface Stroke {
  key: string
  ctrlKey: boolean
  metaKey: boolean
  altKey: boolean
  typing: boolean
  /** The focus is on a button or a link, which has its own use for Enter. */
  onControl: boolean
}

/** The meaning of a stroke, or null when it belongs to the browser or to the field being typed in. */
export function meaning(stroke: Stroke): Move {
  if (stroke.ctrlKey || stroke.metaKey || stroke.altKey) return null
  if (stroke.key === 'Escape') return 'close'
  if (stroke.typing) return null
  switch (stroke.key) {
    case 'j':
    case 'ArrowDown':
      return 'next'
    case 'k':
    case 'ArrowUp':
      return 'previous'
    case 'Home':
      return 'first'
    case 'End':
      return 'last'
    case 'Enter':
      return stroke.onControl ? null : 'open'
    case '/':
      return 'search'
    default:
      return null
  }
}

/** The id that is current after a move. A list that changed under the cursor keeps the same row; a row that left gives way to the first. */
export function moved(ids: readonly string[], current: string | null, move: Move): string | null {
  if (ids.length === 0) return null
  const at = current === null ? -1 : ids.indexOf(current)
  switch (move) {
    case 'next':
      return ids[Math.min(at + 1, ids.length - 1)] ?? null
    case 'previous':
      return ids[Math.max(at - 1, 0)] ?? null
    case 'first':
      return ids[0] ?? null
    case 'last':
      return ids[ids.length - 1] ?? null
    default:
      return at === -1 ? null : current
  }
}
