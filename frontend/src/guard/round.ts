import type { PackPlace, PackRoute, RecordView } from '../outbox'

/**
 * What belongs to which night, which route is due, and how far a round has come.
 *
 * A night belongs to the date of its evening: it runs from noon to noon in the school's zone, so 00:40 on the 23rd is
 * the night of the 22nd.
 */
const HOUR = 3_600_000
const MINUTE = 60_000

/** What a checkpoint says in its data, as far as the phone itself needs it back. */
export interface CheckpointData {
  readonly place: string | null
  readonly route: string | null
  readonly round: string | null
  readonly readings: Readonly<Record<string, { readonly value: string }>>
}

const wallClocks = new Map<string, Intl.DateTimeFormat>()

function wallClock(at: number, zone: string): { date: string; hour: number; minute: number; second: number } {
  let format = wallClocks.get(zone)
  if (!format) {
    format = new Intl.DateTimeFormat('en-GB', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
    })
    wallClocks.set(zone, format)
  }
  const part = Object.fromEntries(format.formatToParts(new Date(at)).map(({ type, value }) => [type, value]))
  return {
    date: `${part['year']}-${part['month']}-${part['day']}`,
    hour: Number(part['hour']),
    minute: Number(part['minute']),
    second: Number(part['second']),
  }
}

/** The instant (ms) when the clocks of a zone show this date and "HH:MM". */
export function instantOf(date: string, time: string, zone: string): number {
  const wanted = Date.parse(`${date}T${time}:00Z`)
  let guess = wanted
  // Twice, because the first correction may cross a change of summer time.
  for (let i = 0; i < 2; i++) {
    const shown = wallClock(guess, zone)
    const two = (n: number) => String(n).padStart(2, '0')
    guess += wanted - Date.parse(`${shown.date}T${two(shown.hour)}:${two(shown.minute)}:${two(shown.second)}Z`)
  }
  return guess
}

export function shiftDate(date: string, days: number): string {
  return new Date(Date.parse(`${date}T12:00:00Z`) + days * 24 * HOUR).toISOString().slice(0, 10)
}

/** The night (YYYY-MM-DD) an instant belongs to. */
export function nightOf(at: number, zone: string): string {
  const { date, hour } = wallClock(at, zone)
  return hour < 12 ? shiftDate(date, -1) : date
}

/** Noon to noon, in ms: from is inside, to is not. */
export function nightBounds(night: string, zone: string): { from: number; to: number } {
  return { from: instantOf(night, '12:00', zone), to: instantOf(shiftDate(night, 1), '12:00', zone) }
}

/** Monday is 1, as in the pack. */
export function weekdayOf(night: string): number {
  return new Date(`${night}T12:00:00Z`).getUTCDay() || 7
}

/** Start and end of a route's window on a night, in ms. A start before noon lies after midnight. */
export function windowOf(route: PackRoute, night: string, zone: string): { start: number; end: number } {
  const date = Number(route.start.slice(0, 2)) < 12 ? shiftDate(night, 1) : night
  const start = instantOf(date, route.start, zone)
  return { start, end: start + route.window * MINUTE }
}

/** The route a guard most likely walks now: one whose window is open, else the next to come, else the last one. */
export function dueRoute(routes: readonly PackRoute[], night: string, now: number, zone: string): PackRoute | null {
  const tonight = routes
    .filter((route) => route.weekdays.includes(weekdayOf(night)))
    .map((route) => ({ route, ...windowOf(route, night, zone) }))
    .sort((a, b) => a.start - b.start)
  const open = tonight.filter(({ start, end }) => start <= now && now < end)
  const choice = open[open.length - 1] ?? tonight.find(({ start }) => start > now) ?? tonight[tonight.length - 1]
  return choice?.route ?? null
}

export type TimeLeft =
  | { readonly state: 'before'; readonly start: number }
  | { readonly state: 'open'; readonly minutes: number }
  | { readonly state: 'over'; readonly minutes: number }

export function timeLeft(route: PackRoute, night: string, now: number, zone: string): TimeLeft {
  const { start, end } = windowOf(route, night, zone)
  if (now < start) return { state: 'before', start }
  if (now < end) return { state: 'open', minutes: Math.max(1, Math.ceil((end - now) / MINUTE)) }
  return { state: 'over', minutes: Math.floor((now - end) / MINUTE) }
}

/** Checkpoints of this phone that were not taken back, oldest first. */
export function standing(records: readonly RecordView[]): RecordView[] {
  const voided = new Set(records.filter(({ kind }) => kind === 'void').map(({ ref }) => ref))
  return records.filter(({ kind, id }) => kind === 'checkpoint' && !voided.has(id))
}

export function checkpointData(record: RecordView): CheckpointData {
  return record.data as unknown as CheckpointData
}

/**
 * The places already looked at tonight: on this phone, or on another one as far as the pack knows.
 *
 * The ring shows these against the stops of the route.
 */
export function placesDone(
  records: readonly RecordView[],
  places: readonly PackPlace[],
  bounds: { from: number; to: number },
): Set<string> {
  const done = new Set<string>()
  const inside = (at: string) => Date.parse(at) >= bounds.from && Date.parse(at) < bounds.to
  for (const record of standing(records)) {
    const { place } = checkpointData(record)
    if (place && inside(record.at)) done.add(place)
  }
  for (const place of places) {
    if (place.last && inside(place.last.at)) done.add(place.id)
  }
  return done
}

/** The stops still to do, beginning after the one visited last and going round: nearest in the route first. */
export function nextStops(stops: readonly string[], done: ReadonlySet<string>, lastPlace: string | null): string[] {
  const from = lastPlace === null ? -1 : stops.indexOf(lastPlace)
  return [...stops.slice(from + 1), ...stops.slice(0, from + 1)].filter((stop) => !done.has(stop))
}

/** The id of the round that is open on this phone for a route (null: a voluntary round) and night, or null. */
export function openRound(records: readonly RecordView[], route: string | null, night: string): string | null {
  const ended = new Set(records.filter(({ kind }) => kind === 'round_end').map(({ data }) => data['round']))
  const starts = records.filter(
    ({ kind, id, data }) =>
      kind === 'round_start' && data['route'] === route && data['night'] === night && !ended.has(id),
  )
  return starts[starts.length - 1]?.id ?? null
}
