/** What a checkpoint's readings say, in the order of the guard's checklist. */
import type { Reading } from '../shapes'

/** Each question's normal answer and the kind of finding that any other answer is. */
const questions: Readonly<Record<string, { normal: string; kind: string }>> = {
  ac: { normal: 'off', kind: 'ac' },
  lights: { normal: 'off', kind: 'light' },
  doors_windows: { normal: 'closed', kind: 'hazard' },
  dripping: { normal: 'no', kind: 'leak' },
  running: { normal: 'no', kind: 'leak' },
  hot_water: { normal: 'ok', kind: 'hazard' },
  hazard: { normal: 'none', kind: 'hazard' },
}

export interface Seen {
  key: string
  kind: string
  reading: Reading
}

function seen(readings: Readonly<Record<string, Reading>>, want: (reading: Reading, normal: string) => boolean): Seen[] {
  const found: Seen[] = []
  for (const [key, { normal, kind }] of Object.entries(questions)) {
    const reading = readings[key]
    if (reading && want(reading, normal)) found.push({ key, kind, reading })
  }
  return found
}

/** The answers that deserve a look. A question this page does not know (a newer phone's) is judged by nobody. */
export function abnormal(readings: Readonly<Record<string, Reading>>): Seen[] {
  return seen(readings, (reading, normal) => reading.value !== normal)
}

/** The answers that are as they should be. */
export function normal(readings: Readonly<Record<string, Reading>>): Seen[] {
  return seen(readings, (reading, normal) => reading.value === normal)
}
