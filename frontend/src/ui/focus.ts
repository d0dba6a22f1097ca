const FOCUSABLE = 'button:not([disabled]), a[href], input:not([disabled]), select, textarea, [tabindex="0"]'

/**
 * Keep the focus inside a dialog while it is open: an attachment for its element (which needs tabindex="-1").
 *
 * Focus goes to the child marked data-autofocus, else to the dialog itself, and back to where it was at the end.
 * Esc calls `onescape`.
 */
export function holdFocus(onescape: () => void): (dialog: HTMLElement) => () => void {
  return (dialog) => {
    const before = document.activeElement
    const first = dialog.querySelector<HTMLElement>('[data-autofocus]') ?? dialog
    first.focus()
    const keys = (event: KeyboardEvent) => {
      if (event.key === 'Escape') {
        event.stopPropagation()
        onescape()
      } else if (event.key === 'Tab') {
        stayInside(dialog, event)
      }
    }
    dialog.addEventListener('keydown', keys)
    return () => {
      dialog.removeEventListener('keydown', keys)
      if (before instanceof HTMLElement && before.isConnected) before.focus()
    }
  }
}

function stayInside(dialog: HTMLElement, event: KeyboardEvent): void {
  const inside = [...dialog.querySelectorAll<HTMLElement>(FOCUSABLE)].filter((one) => one.offsetParent !== null)
  const first = inside[0]
  const last = inside[inside.length - 1]
  if (!first || !last) return
  const at = document.activeElement
  if (event.shiftKey && (at === first || at === dialog)) {
    event.preventDefault()
    last.focus()
  } else if (!event.shiftKey && at === last) {
    event.preventDefault()
    first.focus()
  }
}

/** Put the focus on an element when it appears: the heading of a new screen, so that screen readers begin there. */
export function focusFirst(element: HTMLElement): void {
  element.focus({ preventScroll: true })
}
