/** When to sync: page load, save, online, visible, once a minute, the button; after a failure with growing patience. */
import { newId } from './chain'
import type { Lease, Store } from './db'
import { isShutOut, type Outcome } from './answers'
import type { Sync } from './sync'
import type { LastTry } from './types'
import type { Wake, World } from './world'

export type Why = 'load' | 'save' | 'button' | 'timer' | 'retry' | 'enrolled' | Wake

const SHORTEST = 2_000
const LONGEST = 300_000
const MINUTE = 60_000
/** Longer than any one request, so that a dead or sleeping tab's turn ends soon and a working one's does not. */
const LEASE = 120_000

export class Triggers {
  private failures = 0
  /** The server asked for quiet until then; only the button may ask earlier. */
  private quietUntil = 0
  private stopped = false
  /** Since when (monotonic) another tab has had its turn without a word. */
  private silentSince: number | null = null
  private running: Promise<void> | null = null
  private again = false
  private cancelRetry: () => void = () => {}
  private cancelTimer: () => void = () => {}
  private cancelWake: () => void = () => {}
  private readonly owner: string

  constructor(
    private readonly world: World,
    private readonly store: Store,
    private readonly sync: Sync,
    private readonly done: (result: LastTry | null) => Promise<void>,
  ) {
    this.owner = newId(world)
  }

  start(): void {
    this.cancelWake = this.world.onWake((why) => void this.kick(why))
    this.tick()
    void this.kick('load')
  }

  stop(): void {
    this.cancelRetry()
    this.cancelTimer()
    this.cancelWake()
  }

  /** Another tab is at work: it tells after each batch and each photo. */
  heard(): void {
    this.silentSince = null
  }

  /** The phone was let in again from another tab. */
  resume(): void {
    if (this.stopped) void this.kick('enrolled')
  }

  /** Tries now unless something forbids it; resolves when the try has ended. */
  async kick(why: Why): Promise<void> {
    if (why === 'button' || why === 'enrolled') this.stopped = false
    // Being shut out will not go away by asking again, only by a person.
    if (this.stopped) return
    if (why !== 'timer' && why !== 'retry') this.failures = 0
    const quiet = this.quietUntil - this.world.now()
    // A wait beyond the longest would come from a clock that was put back.
    if (why !== 'button' && quiet > 0 && quiet <= LONGEST) return this.later(quiet)
    if (this.running !== null) {
      // The run under way may have looked for records just before this save.
      this.again ||= why !== 'timer' && why !== 'retry'
      return this.running
    }
    this.running = this.turn()
    try {
      await this.running
    } finally {
      this.running = null
    }
  }

  private async turn(): Promise<void> {
    do {
      this.again = false
      await this.once()
    } while (this.again && this.failures === 0 && !this.stopped)
  }

  private async once(): Promise<void> {
    this.cancelRetry()
    let result: Outcome | null
    try {
      const tried = await this.exclusively((renew) => this.sync.run(renew))
      // Another tab is at it. It may have looked just before our save, so look again soon.
      if (tried === 'elsewhere') return this.later(SHORTEST)
      result = tried
    } catch {
      this.later(this.patience())
      return this.done(null)
    }
    if (result === null) return this.done(null)
    const { outcome, status, code } = result
    if (outcome === 'ok') {
      this.failures = 0
      this.quietUntil = 0
    } else if (isShutOut(status, code)) this.stopped = true
    else {
      if (result.retryAfter > 0) this.quietUntil = this.world.now() + result.retryAfter
      this.later(Math.max(this.patience(), result.retryAfter))
    }
    await this.done({ at: this.world.now(), outcome, status, code })
  }

  /** Between 2 s and a limit that doubles up to 5 min: many phones must not come back at the same moment. */
  private patience(): number {
    this.failures += 1
    const limit = Math.min(LONGEST, SHORTEST * 2 ** this.failures)
    const [high, low] = this.world.random(2)
    return SHORTEST + ((limit - SHORTEST) * (high! * 256 + low!)) / 65_536
  }

  private later(ms: number): void {
    this.cancelRetry()
    this.cancelRetry = this.world.after(ms, () => void this.kick('retry'))
  }

  private tick(): void {
    this.cancelTimer = this.world.after(MINUTE, () => {
      this.tick()
      void this.kick('timer')
    })
  }

  /** Never two in flight, across tabs too; 'elsewhere' when another tab has its turn. */
  private exclusively<T>(work: (renew: () => Promise<void>) => Promise<T>): Promise<T | 'elsewhere'> {
    return this.world.alone('sync', 0, async (held) => {
      if (held) this.silentSince = null
      else if (!this.asleep()) return 'elsewhere'
      if (this.world.locksReachTabs) return work(async () => {})
      if (!(await this.lease())) return 'elsewhere'
      try {
        return await work(async () => void (await this.lease()))
      } finally {
        await this.store.write(['meta'], async (tx) => {
          const held = (await tx.objectStore('meta').get('lease')) as Lease | undefined
          if (held?.owner === this.owner) await tx.objectStore('meta').delete('lease')
        })
      }
    })
  }

  /**
   * A page that the phone put to sleep may keep its lock for hours. Sending beside it is the lesser harm: the server
   * knows every record by its number and hash.
   */
  private asleep(): boolean {
    const now = this.world.elapsed()
    this.silentSince ??= now
    return now - this.silentSince > LEASE
  }

  /** Takes or renews the right to sync in browsers whose locks do not reach other tabs. */
  private lease(): Promise<boolean> {
    return this.store.write(['meta'], async (tx) => {
      const now = this.world.now()
      const held = (await tx.objectStore('meta').get('lease')) as Lease | undefined
      // A lease that ends later than any lease can was written before the clock was put back.
      const alive = held !== undefined && held.until > now && held.until <= now + LEASE
      if (alive && held.owner !== this.owner) return false
      await tx.objectStore('meta').put({ owner: this.owner, until: now + LEASE }, 'lease')
      return true
    })
  }
}
