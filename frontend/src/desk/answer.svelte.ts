import type { ApiProblem } from '../api/client'
import { session } from './session.svelte'

/** What a screen shows of one question to the server. The last good answer stays while a newer one is on its way or
 *  fails, and an older answer that comes late never replaces a newer one. */
export class Answer<T> {
  data = $state.raw<T | null>(null)
  /** When `data` came, milliseconds since 1970. */
  at = $state.raw(0)
  /** Why the last try failed, or null. */
  code = $state.raw<string | null>(null)
  busy = $state.raw(false)
  #turn = 0

  async ask(question: () => Promise<{ data?: T }>): Promise<void> {
    const turn = ++this.#turn
    this.busy = true
    try {
      const { data } = await question()
      if (turn !== this.#turn) return
      this.data = data as T
      this.at = Date.now()
      this.code = null
    } catch (problem) {
      if (turn === this.#turn) this.code = session.failed(problem)
    } finally {
      if (turn === this.#turn) this.busy = false
    }
  }
}

/** One thing a person asked the server to do: busy, then done or refused. */
export class Deed {
  busy = $state.raw(false)
  code = $state.raw<string | null>(null)

  /** Do it and give its result; null when it was refused, with the reason in `code`. A second press while busy does nothing. */
  async run<T>(work: () => Promise<T>): Promise<T | null> {
    if (this.busy) return null
    this.busy = true
    this.code = null
    try {
      return await work()
    } catch (problem) {
      this.code = session.failed(problem as ApiProblem)
      return null
    } finally {
      this.busy = false
    }
  }
}
