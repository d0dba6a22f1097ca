import { averaged } from './align'
import { blurred, halved, type Luma, sharpened } from './luma'

/** What a picture was found to show. */
export interface Look {
  readonly texts: readonly string[]
  /** Whether there is a code in it, also one that could not be read. */
  readonly seen: boolean
}

/** The two readers behind the ladder. */
export interface Readers {
  /** ZXing. `thorough` also tries smaller copies of the picture, for a code that is large or small in it. */
  zxing(picture: Luma, thorough: boolean): Promise<Look>
  /** A reader with other weaknesses: it follows bent and dirty codes where ZXing loses its grid. */
  second(picture: Luma): Look
}

/** What the rungs have found in one picture so far. */
interface Sum {
  readonly texts: Set<string>
  seen: boolean
}

type Rung = (picture: Luma, readers: Readers) => Look | Promise<Look>

const plain: Rung = (picture, { zxing }) => zxing(picture, true)
const smoothedSecond: Rung = (picture, { second }) => second(blurred(picture))
const verySmooth: Rung = (picture, { zxing }) => zxing(blurred(halved(picture), 2), false)
const smooth: Rung = (picture, { zxing }) => zxing(blurred(halved(picture)), false)
const focused: Rung = (picture, { zxing }) => zxing(sharpened(blurred(halved(picture)), 4), false)
const crisp: Rung = (picture, { zxing }) => zxing(sharpened(picture, 2), false)
const smallSecond: Rung = (picture, { second }) => second(halved(picture))

/**
 * What each camera frame of a burst is put through, in turn. Each pair helps against other faults, and the four were
 * searched for as the best of all such sequences at their price; tests/bench/scan prints what they are worth.
 */
const FRAMES: readonly (readonly Rung[])[] = [
  [plain, smoothedSecond],
  [verySmooth, focused],
  [crisp, smallSecond],
  [smooth, focused],
]
/** A phone on which a frame takes longer than this leaves the rest of its rungs to the next frame, milliseconds. */
const BUDGET = 40
/** So many frames are laid onto each other as the last rung, when each of them was tried alone. */
const AVERAGED = 4

/**
 * Reads a code out of a stream of pictures, each prepared in another way until one gives a text of use.
 *
 * @param useful whether a text is one that is looked for: the search ends with it
 */
export class Ladder {
  readonly #readers: Readers
  readonly #useful: (text: string) => boolean
  readonly #now: () => number
  #frame = 0
  #waiting: Rung[] = []
  #before: Luma[] = []

  constructor(readers: Readers, useful: (text: string) => boolean, now = () => performance.now()) {
    this.#readers = readers
    this.#useful = useful
    this.#now = now
  }

  /** Read the next camera frame; returns all that is in it. After one of use the next frame starts afresh. */
  async frame(picture: Luma): Promise<Look> {
    const started = this.#now()
    const sum: Sum = { texts: new Set(), seen: false }
    this.#remember(halved(picture))
    if (this.#waiting.length === 0) {
      this.#waiting = [...FRAMES[this.#frame % FRAMES.length]!]
      this.#frame += 1
    }
    let dearest = 0
    while (this.#waiting.length > 0) {
      const before = this.#now()
      if (before > started && before - started + dearest > BUDGET) return told(sum)
      if (await this.#try(this.#waiting.shift()!, picture, sum)) return told(sum)
      dearest = Math.max(dearest, this.#now() - before)
    }
    if (this.#frame % FRAMES.length === 0) await this.#try(this.#together, picture, sum)
    return told(sum)
  }

  /** Read one picture with all there is, however long it takes. */
  async still(picture: Luma): Promise<Look> {
    const sum: Sum = { texts: new Set(), seen: false }
    for (const rung of new Set(FRAMES.flat())) if (await this.#try(rung, picture, sum)) break
    return told(sum)
  }

  #remember(half: Luma): void {
    const last = this.#before[0]
    // Another size of picture is another lens: nothing to lay it onto.
    if (last && (last.width !== half.width || last.height !== half.height)) this.#before = []
    this.#before = [half, ...this.#before].slice(0, AVERAGED)
  }

  #together: Rung = (_picture, { zxing }) => zxing(blurred(averaged(this.#before)), false)

  async #try(rung: Rung, picture: Luma, sum: Sum): Promise<boolean> {
    const { texts, seen } = await rung(picture, this.#readers)
    for (const text of texts) sum.texts.add(text)
    sum.seen ||= seen
    if (!texts.some(this.#useful)) return false
    this.#frame = 0
    this.#waiting = []
    this.#before = []
    return true
  }
}

function told({ texts, seen }: Sum): Look {
  return { texts: [...texts], seen }
}
