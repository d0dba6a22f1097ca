/** A phone without a phone: seeded chance, a clock that tests turn, shared disk and locks for several tabs. */
import 'fake-indexeddb/auto'
import { IDBFactory as FakeFactory } from 'fake-indexeddb'
import type { Answer, Request, SpareStore, Wake, World } from '../world'

export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    // mulberry32
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** What the tabs of one browser profile share and what outlives them. */
export class Profile {
  indexedDB: IDBFactory = new FakeFactory()
  readonly memory = new Map<string, string>()
  /** The other storage; null until something is put there. */
  spare: Map<string, ArrayBuffer> | null = null
  readonly tabs = new Set<TabWorld>()
  readonly queues = new Map<string, Promise<unknown>>()
  readonly held = new Set<string>()
  /** Web Locks missing: nothing keeps the tabs apart. */
  lockless = false
  persistAnswer: boolean | null = true

  wipe(): void {
    this.loseDatabase()
    this.spare = null
  }

  loseDatabase(): void {
    this.indexedDB = new FakeFactory()
  }
}

interface Timer {
  readonly at: number
  readonly call: () => void
}

export class TabWorld implements World {
  time = Date.UTC(2026, 10, 22, 15, 30)
  subtle: SubtleCrypto | null = crypto.subtle
  minutes = 480
  dead = false
  readonly asked: { path: string; request: Request }[] = []
  readonly timers = new Set<Timer>()
  readonly waiters = new Set<(why: Wake) => void>()
  private readonly listeners = new Set<() => void>()
  private readonly chance: () => number

  constructor(
    readonly profile: Profile,
    readonly answer: (path: string, request: Request) => Promise<Answer>,
    seed = 1,
  ) {
    this.chance = seeded(seed)
    profile.tabs.add(this)
  }

  get indexedDB(): IDBFactory | null {
    return this.profile.indexedDB
  }

  get locksReachTabs(): boolean {
    return !this.profile.lockless
  }

  now(): number {
    return this.time
  }

  elapsed(): number {
    return this.time - Date.UTC(2026, 10, 22)
  }

  zone(): number {
    return this.minutes
  }

  random(length: number): Uint8Array<ArrayBuffer> {
    return Uint8Array.from({ length }, () => Math.floor(this.chance() * 256))
  }

  after(ms: number, call: () => void): () => void {
    const timer = { at: this.time + ms, call }
    this.timers.add(timer)
    return () => void this.timers.delete(timer)
  }

  /** Turns the clock and fires what is due, letting the work of each settle. */
  async advance(ms: number): Promise<void> {
    const end = this.time + ms
    for (;;) {
      const due = [...this.timers].filter((timer) => timer.at <= end).sort((one, other) => one.at - other.at)[0]
      if (due === undefined) break
      this.timers.delete(due)
      this.time = Math.max(this.time, due.at)
      due.call()
      await settled()
    }
    this.time = end
  }

  async fetch(path: string, request: Request): Promise<Answer> {
    if (this.dead) throw new TypeError('this tab is dead')
    this.asked.push({ path, request })
    return this.answer(path, request)
  }

  async alone<T>(name: string, patience: number, work: (held: boolean) => Promise<T>): Promise<T> {
    const { queues, held, lockless } = this.profile
    if (lockless) return work(true)
    if (patience === 0 && held.has(name)) return work(false)
    const mine = (queues.get(name) ?? Promise.resolve()).then(() => {
      held.add(name)
      return work(true).finally(() => held.delete(name))
    })
    queues.set(
      name,
      mine.catch(() => {}),
    )
    if (patience === 0) held.add(name)
    return mine
  }

  async thumbnail(bytes: ArrayBuffer): Promise<ArrayBuffer | null> {
    return bytes.slice(0, Math.ceil(bytes.byteLength / 2))
  }

  remember(key: string, value: string): void {
    if (!this.dead) this.profile.memory.set(key, value)
  }

  recall(key: string): string | null {
    return this.profile.memory.get(key) ?? null
  }

  async spare(make: boolean): Promise<SpareStore | null> {
    const { profile } = this
    if (profile.spare === null && !make) return null
    const kept = (profile.spare ??= new Map())
    return {
      names: async () => [...kept.keys()],
      take: async (name) => kept.get(name)?.slice(0) ?? null,
      put: async (name, bytes) => {
        if (!this.dead) kept.set(name, bytes.slice(0))
      },
      remove: async (name) => !this.dead && kept.delete(name),
    }
  }

  tell(): void {
    for (const tab of this.profile.tabs) if (tab !== this) for (const call of tab.listeners) call()
  }

  onTold(call: () => void): () => void {
    this.listeners.add(call)
    return () => this.listeners.delete(call)
  }

  onWake(call: (why: Wake) => void): () => void {
    this.waiters.add(call)
    return () => this.waiters.delete(call)
  }

  persist(): Promise<boolean | null> {
    return Promise.resolve(this.profile.persistAnswer)
  }

  persisted(): Promise<boolean | null> {
    return Promise.resolve(null)
  }

  estimate(): Promise<{ usage: number; quota: number } | null> {
    return Promise.resolve({ usage: 1_000, quota: 1_000_000 })
  }
}

/** Lets pending database work finish; fake-indexeddb runs on immediates. */
export async function settled(rounds = 60): Promise<void> {
  const { setImmediate: soon } = globalThis as unknown as { setImmediate: (call: (done: unknown) => void) => void }
  for (let i = 0; i < rounds; i++) await new Promise((resolve) => soon(resolve))
}
