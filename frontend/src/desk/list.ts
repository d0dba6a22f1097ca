import { meaning, type Move, moved } from './keys'

/** What the keys of a list act on. */
export interface List {
  /** Ids of the rows in their order on the screen. */
  ids: () => readonly string[]
  /** The row shown in the drawer, or ''. */
  opened: () => string
  open: (id: string) => void
  /** Close the drawer and give the focus back to its row. */
  close: () => void
}

const typingIn = new Set(['INPUT', 'SELECT', 'TEXTAREA'])

function focusedRow(): string | null {
  return document.activeElement?.closest<HTMLElement>('[data-row]')?.dataset['row'] ?? null
}

/** Put the focus on a row's link and bring the row into view. */
export function focusRow(id: string): void {
  const row = document.querySelector<HTMLElement>(`[data-row="${CSS.escape(id)}"]`)
  row?.querySelector<HTMLElement>('a, button')?.focus({ preventScroll: true })
  row?.scrollIntoView({ block: 'nearest' })
}

/** The handler for window's keydown: j k walk the rows (or what the drawer shows), / goes to the search, esc closes. */
export function listKeys(list: List): (event: KeyboardEvent) => void {
  return (event) => {
    const target = event.target instanceof HTMLElement ? event.target : document.body
    if (event.defaultPrevented || document.querySelector('[aria-modal="true"]')) return
    const move: Move = meaning({
      key: event.key,
      ctrlKey: event.ctrlKey,
      metaKey: event.metaKey,
      altKey: event.altKey,
      typing: typingIn.has(target.tagName),
      onControl: target.closest('a, button') !== null,
    })
    if (move === null) return
    const opened = list.opened()
    if (move === 'search') {
      event.preventDefault()
      document.querySelector<HTMLInputElement>('[data-search]')?.focus()
    } else if (move === 'close') {
      if (typingIn.has(target.tagName)) {
        // Left alone, Chrome would empty a search field while its filter stays.
        event.preventDefault()
        target.blur()
      } else if (opened) list.close()
    } else {
      const next = moved(list.ids(), opened || focusedRow(), move)
      if (next === null) return
      event.preventDefault()
      if (opened || move === 'open') list.open(next)
      else focusRow(next)
    }
  }
}

/** Makes a click anywhere on a row open it. The link in the row is what the keyboard and screen readers use. */
export function rowClicks(open: (id: string) => void): (table: HTMLElement) => () => void {
  return (table) => {
    function click(event: MouseEvent): void {
      const target = event.target as Element
      if (target.closest('a, button, input') || window.getSelection()?.type === 'Range') return
      const id = target.closest<HTMLElement>('[data-row]')?.dataset['row']
      if (id) open(id)
    }
    table.addEventListener('click', click)
    return () => table.removeEventListener('click', click)
  }
}
