/** A screen's filters as they stand in the address bar: every field has a default, and only what differs is written. */

/** What a field may hold: free text, a whole number from 1, or one of the listed words ('' = any). */
export type Field = { kind: 'text' } | { kind: 'number'; fallback: number } | { kind: 'word'; words: readonly string[] }
export type Shape = Record<string, Field>
export type Values<S extends Shape> = {
  [K in keyof S]: S[K] extends { kind: 'number' }
    ? number
    : S[K] extends { kind: 'word'; words: readonly (infer W extends string)[] }
      ? W
      : string
}
/** A change as a control hands it over: reading the address bar back is what sorts out the words nobody offered. */
export type Change<S extends Shape> = { [K in keyof S]?: string | number }

export const text: Field & { kind: 'text' } = { kind: 'text' }
export const number = (fallback = 1): Field & { kind: 'number' } => ({ kind: 'number', fallback })
/** The first word is the default. */
export const word = <W extends string>(...words: readonly W[]): { kind: 'word'; words: readonly W[] } => ({ kind: 'word', words })

const longestText = 200

function fallbackOf(field: Field): string | number {
  if (field.kind === 'number') return field.fallback
  return field.kind === 'word' ? (field.words[0] ?? '') : ''
}

/** Reads the filters out of `?…`; anything unknown or malformed counts as the default, so an old link still opens. */
export function readQuery<S extends Shape>(search: string, shape: S): Values<S> {
  const asked = new URLSearchParams(search)
  const values: Record<string, string | number> = {}
  for (const [name, field] of Object.entries(shape)) {
    const raw = asked.get(name)
    values[name] = fallbackOf(field)
    if (raw === null) continue
    if (field.kind === 'number') {
      if (/^[1-9]\d{0,5}$/.test(raw)) values[name] = Number(raw)
    } else if (field.kind === 'word') {
      if (field.words.includes(raw)) values[name] = raw
    } else {
      values[name] = raw.trim().slice(0, longestText)
    }
  }
  return values as Values<S>
}

/** The `?…` for these filters ('' when nothing differs from the defaults), in the order of the shape so that equal filters make equal links. */
export function writeQuery<S extends Shape>(values: Change<S>, shape: S): string {
  const asked = new URLSearchParams()
  for (const [name, field] of Object.entries(shape)) {
    const value = values[name]
    if (value === undefined || value === fallbackOf(field) || value === '') continue
    asked.set(name, String(value))
  }
  const written = asked.toString()
  return written ? `?${written}` : ''
}

/** Filters after a change: a new filter starts at the first page again and closes what was open. */
export function changed<S extends Shape>(values: Change<S>, change: Change<S>): Change<S> {
  const next: Record<string, string | number | undefined> = { ...values, ...change }
  if ('page' in next && !('page' in change) && !('open' in change)) next['page'] = 1
  if ('open' in next && !('open' in change)) next['open'] = ''
  return next as Change<S>
}

/** A query for the server: the filters that say something. '' means "any" on the desk and is not sent. */
export function filled<T extends Record<string, string | number | boolean | undefined>>(
  asked: T,
): { [K in keyof T]?: Exclude<T[K], ''> } {
  return Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== '' && value !== undefined)) as never
}
