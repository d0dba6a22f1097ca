/** Virtual time: one queue of everything that will happen, in an order that only the seed decides. */
import { seeded } from '@outbox/testing/world'

interface Event {
  readonly at: number
  readonly seq: number
  readonly call: () => void
  gone: boolean
}

/** What one turn of the browser's event loop takes, so that a kill can fall between two of them. */
const TASK = 0.02

const realImmediate = globalThis.setImmediate

export class VirtualTime {
  now = 0
  private seq = 0
  private readonly heap: Event[] = []

  at(at: number, call: () => void): () => void {
    const event: Event = { at: Math.max(at, this.now), seq: this.seq++, call, gone: false }
    this.push(event)
    return () => {
      event.gone = true
    }
  }

  after(ms: number, call: () => void): () => void {
    return this.at(this.now + ms, call)
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.after(ms, resolve))
  }

  /** Lets everything happen that is due until then; `stop` ends it early. */
  async run(until: number, stop: () => boolean): Promise<void> {
    while (this.heap.length > 0 && this.heap[0]!.at <= until && !stop()) {
      const event = this.pop()
      if (event.gone) continue
      this.now = event.at
      event.call()
      // Promises settle in microtasks, and those are all done before the real event loop turns.
      await new Promise((resolve) => realImmediate(resolve))
    }
    if (!stop()) this.now = until
  }

  /** Takes over setImmediate, on which fake-indexeddb runs. */
  take(): void {
    globalThis.setImmediate = ((call: (...given: unknown[]) => void, ...given: unknown[]) =>
      this.after(TASK, () => call(...given))) as unknown as typeof setImmediate
  }

  private push(event: Event): void {
    const { heap } = this
    let i = heap.length
    heap.push(event)
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (!before(event, heap[parent]!)) break
      heap[i] = heap[parent]!
      i = parent
    }
    heap[i] = event
  }

  private pop(): Event {
    const { heap } = this
    const top = heap[0]!
    const last = heap.pop()!
    if (heap.length > 0) {
      let i = 0
      for (;;) {
        let child = 2 * i + 1
        if (child >= heap.length) break
        if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++
        if (!before(heap[child]!, last)) break
        heap[i] = heap[child]!
        i = child
      }
      heap[i] = last
    }
    return top
  }
}

function before(one: Event, other: Event): boolean {
  return one.at < other.at || (one.at === other.at && one.seq < other.seq)
}

/** Chance from one seed, in the words the simulator needs. */
export class Chance {
  readonly next: () => number

  constructor(seed: number) {
    this.next = seeded(seed)
  }

  below(n: number): number {
    return Math.floor(this.next() * n)
  }

  between(low: number, high: number): number {
    return low + this.next() * (high - low)
  }

  maybe(probability: number): boolean {
    return this.next() < probability
  }

  one<T>(things: readonly T[]): T {
    return things[this.below(things.length)]!
  }

  seed(): number {
    return Math.floor(this.next() * 4_294_967_296)
  }
}
