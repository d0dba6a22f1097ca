/** The theme a person chose: the guard page is dark and the desk follows the system until someone says otherwise. */
export type Theme = 'dark' | 'light' | 'system'

const KEY = 'theme'

/** Read the saved choice, or the page's own default from its <html data-theme>. */
export function savedTheme(): Theme {
  const fallback = document.documentElement.dataset['theme'] as Theme | undefined
  try {
    const saved = localStorage.getItem(KEY)
    if (saved === 'dark' || saved === 'light' || saved === 'system') return saved
  } catch {
    // Storage may be forbidden in this browser; the default is good enough then.
  }
  return fallback ?? 'system'
}

/** Show a theme, colour the browser's own bar alike, and remember it when it was chosen by hand. */
export function applyTheme(theme: Theme, remember = false): void {
  document.documentElement.dataset['theme'] = theme
  const ground = getComputedStyle(document.documentElement).getPropertyValue('--ground').trim()
  const bar = document.querySelector<HTMLMetaElement>('meta[name="theme-color"]')
  if (bar && ground) bar.content = ground
  if (!remember) return
  try {
    localStorage.setItem(KEY, theme)
  } catch {
    // As above: shown now, forgotten at the next start.
  }
}
