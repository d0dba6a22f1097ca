import { type Payload, parsePayload } from './payload'

/** What the screen is for: a place's tag, or one of the desk's one-time codes for this phone. */
export type Expected = 'tag' | 'enrol' | 'rescue'

/** A valid reading, handed to the guard page to judge. */
export interface Read {
  /** The tag's code or short number, the id of a place picked from the list, or the desk's one-time code. */
  readonly tag: string
  readonly kind: 'code' | 'short' | 'place' | 'enrol' | 'rescue'
  readonly method: 'camera' | 'typed' | 'photo' | 'nfc' | 'list'
  /** The address in it names another host than this page's: of interest when the pack does not know the tag. */
  readonly otherHost: boolean
  /** performance.now() when it was read. */
  readonly readAt: number
  /** How long the camera saw the code before it was read, in milliseconds; null when no camera read it. */
  readonly readMs: number | null
}

/** A place to pick when its tag cannot be read. */
export interface Findable {
  readonly id: string
  readonly name: string
  /** Building, floor and number. */
  readonly where: string
}

/** The guard page's answer: it took the reading over (and shows something above), or a sentence says why not. */
export type Verdict =
  | {
      readonly accepted: true
      readonly flash?: 'ok' | 'warn' | 'danger' | 'ac' | 'light' | 'leak' | 'hazard'
    }
  | { readonly accepted: false; readonly sentence: string }

/** Why a readable code is of no use here. */
export type Refusal = 'notOurs' | 'misread' | 'enrolInstead' | 'tagInstead' | 'otherCode'

export type Found =
  | { readonly is: 'nothing' }
  | { readonly is: 'refused'; readonly why: Refusal }
  | { readonly is: 'read'; readonly tag: string; readonly kind: Read['kind']; readonly otherHost: boolean }

/**
 * Choose among all texts found in one picture: the first that is of use here, else the clearest reason why none is.
 *
 * @param host the page's own host, as in `location.host`
 */
export function choose(texts: readonly string[], expected: Expected, host: string): Found {
  let refusal: Refusal | null = null
  for (const text of texts) {
    const payload = parsePayload(text)
    const why = refusalOf(payload, expected)
    if (payload.kind !== 'foreign' && why === null) {
      const from = payload.kind === 'short' ? null : payload.host
      return {
        is: 'read',
        tag: payload.kind === 'short' ? payload.short : payload.code,
        kind: payload.kind,
        otherHost: from !== null && from !== host.toLowerCase(),
      }
    }
    if (why !== null && (refusal === null || refusal === 'misread' || refusal === 'notOurs')) refusal = why
  }
  return refusal === null ? { is: 'nothing' } : { is: 'refused', why: refusal }
}

function refusalOf(payload: Payload, expected: Expected): Refusal | null {
  if (payload.kind === 'foreign') return payload.what === 'misread' ? 'misread' : 'notOurs'
  const ofDesk = payload.kind === 'enrol' || payload.kind === 'rescue'
  if (expected === 'tag') return ofDesk ? 'enrolInstead' : null
  return payload.kind === expected ? null : ofDesk ? 'otherCode' : 'tagInstead'
}

const IGNORED_MS = 3000

/** Keeps the camera from taking the tag that is still in front of it a second time. */
export class Gate {
  #tag = ''
  #until = 0

  /** Whether the tag may be taken at this instant (milliseconds of any steady clock). */
  open(tag: string, now: number): boolean {
    return tag !== this.#tag || now >= this.#until
  }

  /** The tag was taken, or the camera came back after it was: three seconds without it from here. */
  hold(tag: string, now: number): void {
    this.#tag = tag
    this.#until = now + IGNORED_MS
  }

  /** The camera looks again: the tag it left with counts from now. */
  resume(now: number): void {
    if (this.#tag) this.#until = now + IGNORED_MS
  }
}
