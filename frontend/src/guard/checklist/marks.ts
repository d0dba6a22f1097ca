import type { JsonObject, NewPhoto, PackQuestion } from '../../outbox'

/** What a guard marked about one question. Only abnormal answers are marked; everything else is normal. */
export interface Mark {
  readonly value: string
  /** Is it already put right ("off now")? null: not said. */
  readonly handled: boolean | null
  readonly phrases: readonly string[]
  readonly note: string
  readonly category: string | null
  readonly grade: 'general' | 'major' | null
  readonly photos: readonly NewPhoto[]
}

export type Marks = Readonly<Record<string, Mark>>

export const PHOTOS_PER_MARK = 3

export const CATEGORIES = [
  'fire',
  'electricity',
  'water',
  'building',
  'surroundings',
  'crowding',
  'food',
  'lab_chemicals',
  'classroom_chemicals',
  'special_equipment',
  'school_bus',
  'other',
] as const
export type Category = (typeof CATEGORIES)[number]

/** A hazard that no other question names is asked for its category and grade; the others say it by themselves. */
export function asksCategory(question: PackQuestion): boolean {
  return question.key === 'hazard'
}

function fresh(question: PackQuestion, value: string): Mark {
  return {
    value,
    handled: null,
    phrases: [],
    note: '',
    category: question.category,
    grade: asksCategory(question) ? 'general' : null,
    photos: [],
  }
}

/** One tap on a tile: the next answer of the question, after the last one normal again. */
export function cycle(marks: Marks, question: PackQuestion): Marks {
  const values = question.values.map(({ value }) => value)
  const now = marks[question.key]?.value ?? question.normal
  const next = values[(values.indexOf(now) + 1) % values.length] ?? question.normal
  const { [question.key]: before, ...others } = marks
  if (next === question.normal) return others
  return { ...marks, [question.key]: before ? { ...before, value: next } : fresh(question, next) }
}

export function amend(marks: Marks, key: string, change: Partial<Mark>): Marks {
  const before = marks[key]
  return before ? { ...marks, [key]: { ...before, ...change } } : marks
}

/** Pick a ready phrase, or take it back. */
export function togglePhrase(marks: Marks, key: string, phrase: string): Marks {
  const phrases = marks[key]?.phrases ?? []
  const next = phrases.includes(phrase) ? phrases.filter((one) => one !== phrase) : [...phrases, phrase]
  return amend(marks, key, { phrases: next })
}

/** The readings of the record: every question with its answer, and what was added to the abnormal ones; `joint` joins
 *  the phrases and the typed words of a note. */
export function readingsOf(questions: readonly PackQuestion[], marks: Marks, joint: string): JsonObject {
  const readings: Record<string, JsonObject> = {}
  for (const question of questions) {
    const mark = marks[question.key]
    if (!mark) {
      readings[question.key] = { value: question.normal }
      continue
    }
    const note = [...mark.phrases, mark.note.trim()].filter(Boolean).join(joint)
    readings[question.key] = {
      value: mark.value,
      ...(mark.handled === null ? {} : { handled: mark.handled }),
      ...(note ? { note } : {}),
      ...(mark.category ? { category: mark.category } : {}),
      ...(mark.grade ? { grade: mark.grade } : {}),
      ...(mark.photos.length ? { photos: mark.photos.map(({ sha256 }) => sha256) } : {}),
    }
  }
  return readings
}

/** Each photo once, in the order it was taken. */
export function photosOf(marks: Marks): NewPhoto[] {
  const all = Object.values(marks).flatMap(({ photos }) => photos)
  return all.filter((photo, i) => all.findIndex(({ sha256 }) => sha256 === photo.sha256) === i)
}
