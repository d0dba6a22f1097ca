/** Out of sight for so long, the next code is another one: the guard walked on and came to the next door. */
const FORGOTTEN_MS = 3000

/**
 * How long a tag takes to be read: from the first frame in which a code was seen, readable or not, to its reading. The
 * walk between two doors, on which the camera stays on, does not count. Times are milliseconds of any steady clock.
 */
export class Stopwatch {
  #first = 0
  #last = -Infinity

  /** A frame that was taken at this instant shows a code. */
  saw(at: number): void {
    if (at - this.#last > FORGOTTEN_MS) this.#first = at
    this.#last = at
  }

  /** The code was read at this instant: how long it took, and begin anew. */
  stop(at: number): number {
    const took = Math.round(at - this.#first)
    this.#last = -Infinity
    return took
  }
}
