import { current } from './current.svelte'

/**
 * The language runtime of both pages: one current language, typed dictionaries, and the school's way to write numbers
 * and times. A component that reads a word or a format is drawn again when the language changes.
 */
export const LANGUAGES = ['zh-CN', 'en'] as const
export type Language = (typeof LANGUAGES)[number]

const KEY = 'language'

/** The language for this browser: the saved choice, else what the browser asks for, else zh-CN. */
export function chooseLanguage(saved: string | null, wanted: readonly string[]): Language {
  if (saved === 'zh-CN' || saved === 'en') return saved
  for (const tag of wanted) {
    if (/^zh\b/i.test(tag)) return 'zh-CN'
    if (/^en\b/i.test(tag)) return 'en'
  }
  return 'zh-CN'
}

const loaders: ((language: Language) => Promise<void>)[] = []

/** Set the language at the start of a page, from the saved choice and the browser; resolves when its words are here. */
export function startLanguage(): Promise<void> {
  let saved: string | null = null
  try {
    saved = localStorage.getItem(KEY)
  } catch {
    // Storage may be forbidden; the browser's language decides.
  }
  return show(chooseLanguage(saved, navigator.languages?.length ? navigator.languages : [navigator.language]))
}

/** Change the language by hand and remember it on this device. */
export async function setLanguage(next: Language): Promise<void> {
  await show(next)
  try {
    localStorage.setItem(KEY, next)
  } catch {
    // Shown now, forgotten at the next start.
  }
}

async function show(next: Language): Promise<void> {
  if (loaders.length) await Promise.all(loaders.map((load) => load(next)))
  current.language = next
  document.documentElement.lang = next
}

export function language(): Language {
  return current.language
}

/**
 * Join the zh-CN words (the type) and their English; reading a key gives the word of the current language.
 *
 * `en` must have exactly the keys and signatures of `zh`, so a missing key does not compile.
 */
export function words<W extends object>(zh: W, en: NoInfer<W>): W {
  return new Proxy(zh, {
    get: (_target, key) => Reflect.get(language() === 'zh-CN' ? zh : en, key),
  })
}

/** As `words`, but each language is fetched when it is first wanted: a phone carries only the one it shows. */
export function fetchedWords<W extends object>(fetch: Record<Language, () => Promise<W>>): W {
  const here: Partial<Record<Language, W>> = {}
  loaders.push(async (language) => {
    here[language] ??= await fetch[language]()
  })
  return new Proxy({} as W, {
    get: (_target, key) => Reflect.get(here[language()] ?? {}, key),
  })
}

/** The word of the current language from a pair the server sent (a question or one of its answers). */
export function pick(pair: { zh: string; en: string }): string {
  return language() === 'zh-CN' ? pair.zh : pair.en
}

const formats = new Map<string, Intl.DateTimeFormat>()

function format(zone: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const locale = language() === 'zh-CN' ? 'zh-CN' : 'en-GB'
  const key = `${locale} ${zone} ${JSON.stringify(options)}`
  let made = formats.get(key)
  if (!made) {
    made = new Intl.DateTimeFormat(locale, { timeZone: zone, ...options })
    formats.set(key, made)
  }
  return made
}

/** 23:41 in the given IANA zone. `at` is an instant: ISO 8601 text or milliseconds. */
export function clockTime(at: string | number, zone: string): string {
  return format(zone, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).format(new Date(at))
}

/** 23:41:07 in the given IANA zone. */
export function clockSeconds(at: string | number, zone: string): string {
  return format(zone, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' }).format(
    new Date(at),
  )
}

/** 11月22日 周日, or Sun 22 Nov: of an instant in a zone. */
export function dayOf(at: string | number, zone: string): string {
  const options: Intl.DateTimeFormatOptions = { month: 'short', day: 'numeric', weekday: 'short' }
  const parts = Object.fromEntries(
    format(zone, options)
      .formatToParts(new Date(at))
      .map((part) => [part.type, part.value]),
  )
  if (language() === 'en') return `${parts['weekday']} ${parts['day']} ${parts['month']}`
  return `${parts['month']?.replace(/月$/, '')}月${parts['day']}日 ${parts['weekday']}`
}

/** 11月22日 周日, or Sun 22 Nov: of a night or date written YYYY-MM-DD. */
export function day(date: string): string {
  return dayOf(`${date}T12:00:00Z`, 'UTC')
}

/** 11月22日 23:41, or 22 Nov 23:41: of an instant in a zone. */
export function dayAndTime(at: string | number, zone: string): string {
  const text = dayOf(at, zone)
  const short = language() === 'zh-CN' ? text.split(' ')[0] : text.replace(/^\S+ /, '')
  return `${short} ${clockTime(at, zone)}`
}

/** A number with the language's grouping, at most the given digits after the point. */
export function number(value: number, digits = 0): string {
  return new Intl.NumberFormat(language(), { maximumFractionDigits: digits }).format(value)
}

/** 312 kB, 1.4 MB: a size in bytes. */
export function bytes(size: number): string {
  if (size < 1000) return `${size} B`
  return size < 1_000_000 ? `${number(size / 1000)} kB` : `${number(size / 1_000_000, 1)} MB`
}
