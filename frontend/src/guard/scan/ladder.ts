import { averaged } from './align'
import { blurred, halved, type Luma, sharpened } from './luma'

/** The two readers behind the ladder; each returns all texts it finds. */
export interface Readers {
  /** ZXing. `thorough` also tries smaller copies of the picture, for a code that is large or small in it. */
  zxing(picture: Luma, thorough: boolean): Promise<readonly string[]>
  /** A reader with other weaknesses: it follows bent and dirty codes where ZXing loses its grid. */
  second(picture: Luma): readonly string[]
}

type Rung = (picture: Luma, readers: Readers) => readonly string[] | Promise<readonly string[]>

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

  /** Read the next camera frame; returns all texts in it. After one of use the next frame starts afresh. */
  async frame(picture: Luma): Promise<readonly string[]> {
    const started = this.#now()
    const texts = new Set<string>()
    this.#remember(halved(picture))
    if (this.#waiting.length === 0) {
      this.#waiting = [...FRAMES[this.#frame % FRAMES.length]!]
      this.#frame += 1
    }
    let dearest = 0
    while (this.#waiting.length > 0) {
      const before = this.#now()
      if (before > started && before - started + dearest > BUDGET) return [...texts]
      if (await this.#try(this.#waiting.shift()!, picture, texts)) return [...texts]
      dearest = Math.max(dearest, this.#now() - before)
    }
    if (this.#frame % FRAMES.length === 0) await this.#try(this.#together, picture, texts)
    return [...texts]
  }

  /** Read one picture with all there is, however long it takes. */
  async still(picture: Luma): Promise<readonly string[]> {
    const texts = new Set<string>()
    for (const rung of new Set(FRAMES.flat())) if (await this.#try(rung, picture, texts)) break
    return [...texts]
  }

  #remember(half: Luma): void {
    const last = this.#before[0]
    // Another size of picture is another lens: nothing to lay it onto.
    if (last && (last.width !== half.width || last.height !== half.height)) this.#before = []
    this.#before = [half, ...this.#before].slice(0, AVERAGED)
  }

  #together: Rung = (_picture, { zxing }) => zxing(blurred(averaged(this.#before)), false)

  async #try(rung: Rung, picture: Luma, texts: Set<string>): Promise<boolean> {
    const found = await rung(picture, this.#readers)
    for (const text of found) texts.add(text)
    if (!found.some(this.#useful)) return false
    this.#frame = 0
    this.#waiting = []
    this.#before = []
    return true
  }
}
