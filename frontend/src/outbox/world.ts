/**
 * The only file of the outbox that touches the clock, chance, timers, the network, locks and storage factories.
 * Everything else takes a `World`, so that a simulator with one seed can drive it.
 */

export interface Request {
  readonly method: 'GET' | 'POST' | 'PUT'
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | ArrayBuffer
  readonly timeout: number
}

/** An answer whose body has arrived whole. */
export interface Answer {
  readonly status: number
  readonly retryAfter: string | null
  readonly text: string
}

export type Wake = 'online' | 'visible' | 'shown'

/** A second storage, in which a few things lie by name. */
export interface SpareStore {
  names(): Promise<string[]>
  take(name: string): Promise<ArrayBuffer | null>
  put(name: string, bytes: ArrayBuffer): Promise<void>
  remove(name: string): Promise<unknown>
}

export interface World {
  readonly indexedDB: IDBFactory | null
  readonly subtle: SubtleCrypto | null
  /** False when `alone` reaches this page only, so that other tabs must be kept out in another way. */
  readonly locksReachTabs: boolean
  /** Milliseconds since 1970 by the phone's clock. */
  now(): number
  /** Milliseconds by the monotonic clock of this page. */
  elapsed(): number
  /** Minutes east of UTC. */
  zone(): number
  random(length: number): Uint8Array<ArrayBuffer>
  /** Calls back once after `ms`; the returned function cancels. */
  after(ms: number, call: () => void): () => void
  /** Rejects when there is no whole answer within the time. */
  fetch(path: string, request: Request): Promise<Answer>
  /** Waits up to `patience` ms for the lock, then runs the work in any case and tells it whether it holds the lock. */
  alone<T>(name: string, patience: number, work: (held: boolean) => Promise<T>): Promise<T>
  /** A small JPEG of a photo; null when this browser cannot make one. */
  thumbnail(bytes: ArrayBuffer, type: string): Promise<ArrayBuffer | null>
  /** A few bytes that outlive the database, in two places: how a lost database is noticed. */
  remember(key: string, value: string): void
  recall(key: string): string | null
  /** Storage of another kind than the database; null when there is none, or none yet and none is to be made. */
  spare(make: boolean): Promise<SpareStore | null>
  /** Tells the other tabs that something changed. */
  tell(): void
  onTold(call: () => void): () => void
  onWake(call: (why: Wake) => void): () => void
  /** null when the browser has no such promise to give. */
  persist(): Promise<boolean | null>
  persisted(): Promise<boolean | null>
  estimate(): Promise<{ usage: number; quota: number } | null>
}

const CHANNEL = 'campus-patrol-outbox'
/** The service worker clears away caches of its own only, which have another name. */
const SPARE = 'campus-patrol-spare'
/** Longer side in pixels: enough to tell what it was of. */
const THUMB_SIDE = 320

type Waiter = () => void

/** Order among callers of one page, for browsers without Web Locks (Safari before 15.4). */
class PageLocks {
  private readonly queues = new Map<string, Waiter[]>()

  async alone<T>(name: string, patience: number, work: (held: boolean) => Promise<T>): Promise<T> {
    if (!(await this.take(name, patience))) return work(false)
    try {
      return await work(true)
    } finally {
      this.release(name)
    }
  }

  private take(name: string, patience: number): Promise<boolean> {
    const queue = this.queues.get(name)
    if (queue === undefined) {
      this.queues.set(name, [])
      return Promise.resolve(true)
    }
    if (patience === 0) return Promise.resolve(false)
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        const place = queue.indexOf(mine)
        if (place >= 0) queue.splice(place, 1)
        resolve(false)
      }, patience)
      const mine = () => {
        clearTimeout(timer)
        resolve(true)
      }
      queue.push(mine)
    })
  }

  private release(name: string): void {
    const next = this.queues.get(name)?.shift()
    if (next === undefined) this.queues.delete(name)
    else next()
  }
}

class BrowserWorld implements World {
  readonly indexedDB: IDBFactory | null
  readonly subtle: SubtleCrypto | null
  readonly locksReachTabs: boolean
  private readonly locks: LockManager | undefined
  private readonly pageLocks = new PageLocks()
  private readonly channel: BroadcastChannel | null

  constructor() {
    this.indexedDB = attempt(() => globalThis.indexedDB) ?? null
    // Without a secure context there is no `subtle`, and without it no hash chain.
    this.subtle = (globalThis.crypto as Crypto | undefined)?.subtle ?? null
    this.locks = (navigator as { locks?: LockManager }).locks
    this.locksReachTabs = this.locks !== undefined
    this.channel = typeof BroadcastChannel === 'function' ? new BroadcastChannel(CHANNEL) : null
  }

  now(): number {
    return Date.now()
  }

  elapsed(): number {
    return performance.now()
  }

  zone(): number {
    // Minus zero would be written as 0 into JSON but compare oddly in tests.
    return 0 - new Date().getTimezoneOffset()
  }

  random(length: number): Uint8Array<ArrayBuffer> {
    return crypto.getRandomValues(new Uint8Array(length))
  }

  after(ms: number, call: () => void): () => void {
    const timer = setTimeout(call, ms)
    return () => clearTimeout(timer)
  }

  async fetch(path: string, request: Request): Promise<Answer> {
    const controller = new AbortController()
    const timer = setTimeout(() => controller.abort(), request.timeout)
    try {
      const answer = await fetch(path, {
        method: request.method,
        headers: request.headers,
        body: request.body ?? null,
        signal: controller.signal,
        credentials: 'omit',
        cache: 'no-store',
        redirect: 'error',
        referrerPolicy: 'no-referrer',
      })
      return { status: answer.status, retryAfter: answer.headers.get('Retry-After'), text: await answer.text() }
    } finally {
      clearTimeout(timer)
    }
  }

  async alone<T>(name: string, patience: number, work: (held: boolean) => Promise<T>): Promise<T> {
    if (this.locks === undefined) return this.pageLocks.alone(name, patience, work)
    const controller = new AbortController()
    const timer = setTimeout(() => controller.abort(), patience)
    // The two options exclude each other.
    const how = patience === 0 ? { ifAvailable: true } : { signal: controller.signal }
    let started = false
    try {
      return await this.locks.request(`campus-patrol-${name}`, how, (lock) => {
        started = true
        clearTimeout(timer)
        return work(lock !== null)
      })
    } catch (error) {
      if (started) throw error
      return await work(false)
    } finally {
      clearTimeout(timer)
    }
  }

  async thumbnail(bytes: ArrayBuffer, type: string): Promise<ArrayBuffer | null> {
    try {
      const picture = await createImageBitmap(new Blob([bytes], { type }))
      const scale = Math.min(1, THUMB_SIDE / Math.max(picture.width, picture.height))
      const canvas = document.createElement('canvas')
      canvas.width = Math.ceil(picture.width * scale)
      canvas.height = Math.ceil(picture.height * scale)
      canvas.getContext('2d')!.drawImage(picture, 0, 0, canvas.width, canvas.height)
      const small = await new Promise<Blob | null>((done) => canvas.toBlob(done, 'image/jpeg', 0.6))
      return small === null ? null : await small.arrayBuffer()
    } catch {
      return null
    }
  }

  remember(key: string, value: string): void {
    attempt(() => localStorage.setItem(key, value))
    // What browsers drop to make room goes without the cookies. No call to the server carries it.
    const secure = attempt(() => location.protocol) === 'https:' ? '; Secure' : ''
    attempt(() => (document.cookie = `${this.cookie(key)}=${encodeURIComponent(value)}; Path=/; Max-Age=34560000; SameSite=Strict${secure}`))
  }

  recall(key: string): string | null {
    const stored = attempt(() => localStorage.getItem(key)) ?? null
    if (stored !== null) return stored
    const name = `${this.cookie(key)}=`
    const found = attempt(() => document.cookie.split('; ').find((one) => one.startsWith(name)))
    return found === undefined ? null : (attempt(() => decodeURIComponent(found.slice(name.length))) ?? null)
  }

  /** Cookies do not tell two ports of one host apart, databases do. */
  private cookie(key: string): string {
    return `${key}-${attempt(() => location.port) ?? ''}`
  }

  async spare(make: boolean): Promise<SpareStore | null> {
    if (typeof caches !== 'object' || !(make || (await caches.has(SPARE)))) return null
    const { spareIn } = await import('./spare')
    return spareIn(await caches.open(SPARE))
  }

  tell(): void {
    if (this.channel !== null) this.channel.postMessage('changed')
    else attempt(() => localStorage.setItem(CHANNEL, String(performance.now()) + Math.random()))
  }

  onTold(call: () => void): () => void {
    if (this.channel !== null) {
      const channel = this.channel
      const heard = () => call()
      channel.addEventListener('message', heard)
      return () => channel.removeEventListener('message', heard)
    }
    const heard = (event: StorageEvent) => {
      if (event.key === CHANNEL) call()
    }
    addEventListener('storage', heard)
    return () => removeEventListener('storage', heard)
  }

  onWake(call: (why: Wake) => void): () => void {
    const online = () => call('online')
    const visible = () => {
      if (document.visibilityState === 'visible') call('visible')
    }
    const shown = (event: PageTransitionEvent) => {
      if (event.persisted) call('shown')
    }
    addEventListener('online', online)
    addEventListener('pageshow', shown)
    document.addEventListener('visibilitychange', visible)
    return () => {
      removeEventListener('online', online)
      removeEventListener('pageshow', shown)
      document.removeEventListener('visibilitychange', visible)
    }
  }

  async persist(): Promise<boolean | null> {
    return (await attempt(() => navigator.storage.persist())?.catch(() => null)) ?? null
  }

  async persisted(): Promise<boolean | null> {
    return (await attempt(() => navigator.storage.persisted())?.catch(() => null)) ?? null
  }

  async estimate(): Promise<{ usage: number; quota: number } | null> {
    const found = await attempt(() => navigator.storage.estimate())?.catch(() => null)
    return found ? { usage: found.usage ?? 0, quota: found.quota ?? 0 } : null
  }
}

/** Several of these interfaces throw on access in private or locked-down modes. */
function attempt<T>(call: () => T): T | undefined {
  try {
    return call()
  } catch {
    return undefined
  }
}

export function browserWorld(): World {
  return new BrowserWorld()
}
