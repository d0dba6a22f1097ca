import { api } from '../api/client'
import { session } from './session.svelte'

const every = 3000

/** Watches the school's log, which grows when a phone has delivered something. Asks nothing while the page is hidden. */
class Live {
  /** How often the log was seen to have grown; a screen that reads it asks anew. */
  grown = $state.raw(0)
  /** The last question got no answer. */
  lost = $state.raw(false)
  #length: number | null = null
  #timer: ReturnType<typeof setTimeout> | undefined
  #running = false

  /** Watch until the returned function is called. */
  watch(): () => void {
    this.#running = true
    this.#length = null
    const seen = () => {
      if (!document.hidden) void this.#look()
    }
    document.addEventListener('visibilitychange', seen)
    void this.#look()
    return () => {
      this.#running = false
      clearTimeout(this.#timer)
      document.removeEventListener('visibilitychange', seen)
    }
  }

  async #look(): Promise<void> {
    clearTimeout(this.#timer)
    if (!this.#running || document.hidden) return
    try {
      const { data } = await api.GET('/api/v1/history/head')
      const length = data!.k
      // After a gap what the screens show may be old, or a failure.
      if (this.lost || (this.#length !== null && this.#length !== length)) this.grown += 1
      this.#length = length
      this.lost = false
    } catch (problem) {
      const code = session.failed(problem)
      this.lost = code !== 'signed_out'
    }
    clearTimeout(this.#timer)
    if (this.#running) this.#timer = setTimeout(() => void this.#look(), every)
  }
}

export const live = new Live()
