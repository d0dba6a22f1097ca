/** One page of one phone, as the outbox sees the world: everything in here runs on virtual time and one seed. */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto'
import type { Answer, Request, SpareStore, Wake } from '@outbox/world'
import { TabWorld } from '@outbox/testing/world'
import { type Disk, dropTab, factoryFor } from './disk'
import type { Chance, VirtualTime } from './time'

export const START = Date.UTC(2026, 10, 22, 15, 30)

interface Waiting {
  readonly tab: SimTab
  readonly go: () => void
}

/** Web Locks of one browser profile, or of one page where the browser has none. */
export class Locks {
  private readonly queues = new Map<string, Waiting[]>()
  private readonly holders = new Map<string, SimTab>()

  constructor(private readonly time: VirtualTime) {}

  async alone<T>(tab: SimTab, name: string, patience: number, work: (held: boolean) => Promise<T>): Promise<T> {
    if (!(await this.take(tab, name, patience))) return work(false)
    try {
      return await work(true)
    } finally {
      this.release(tab, name)
    }
  }

  /** A page that dies lets go of everything. */
  drop(tab: SimTab): void {
    for (const [name, queue] of this.queues) {
      this.queues.set(
        name,
        queue.filter((one) => one.tab !== tab),
      )
    }
    for (const [name, holder] of [...this.holders]) if (holder === tab) this.release(tab, name)
  }

  private take(tab: SimTab, name: string, patience: number): Promise<boolean> {
    if (!this.holders.has(name)) {
      this.holders.set(name, tab)
      return Promise.resolve(true)
    }
    if (patience === 0) return Promise.resolve(false)
    return new Promise((resolve) => {
      const queue = this.queues.get(name) ?? []
      this.queues.set(name, queue)
      const cancel = this.time.after(patience, () => {
        this.queues.set(
          name,
          (this.queues.get(name) ?? []).filter((one) => one !== mine),
        )
        if (!tab.dead) resolve(false)
      })
      const mine: Waiting = {
        tab,
        go: () => {
          cancel()
          resolve(true)
        },
      }
      queue.push(mine)
    })
  }

  private release(tab: SimTab, name: string): void {
    if (this.holders.get(name) !== tab) return
    const next = this.queues.get(name)?.shift()
    if (next === undefined) this.holders.delete(name)
    else {
      this.holders.set(name, next.tab)
      this.time.after(0, next.go)
    }
  }
}

export class SimTab extends TabWorld {
  /** By how much this phone's clock is wrong; shared by its pages. */
  readonly born: number
  private readonly told = new Set<() => void>()
  private readonly factory = factoryFor(this)

  constructor(
    readonly disk: Disk,
    readonly locks: Locks,
    private readonly clock: { offset: number; zone: number },
    private readonly virtual: VirtualTime,
    private readonly luck: Chance,
    send: (tab: SimTab, path: string, request: Request) => Promise<Answer>,
  ) {
    super(disk, (path, request) => send(this, path, request), luck.seed())
    this.born = virtual.now
    this.subtle = subtleOver((call) => this.later(call)) as unknown as SubtleCrypto
  }

  override get indexedDB(): IDBFactory {
    return this.factory
  }

  override now(): number {
    return Math.floor(START + this.virtual.now + this.clock.offset)
  }

  override elapsed(): number {
    return this.virtual.now - this.born
  }

  override zone(): number {
    return this.clock.zone
  }

  override after(ms: number, call: () => void): () => void {
    return this.virtual.after(ms, () => {
      if (!this.dead) call()
    })
  }

  override fetch(path: string, request: Request): Promise<Answer> {
    if (this.dead) return new Promise(() => {})
    return this.answer(path, request)
  }

  override alone<T>(name: string, patience: number, work: (held: boolean) => Promise<T>): Promise<T> {
    return this.locks.alone(this, name, patience, work)
  }

  override remember(key: string, value: string): void {
    if (!this.dead) this.disk.remember(key, value)
  }

  override async spare(make: boolean): Promise<SpareStore | null> {
    const { disk } = this
    return this.later(() => {
      if (disk.spare === null && !make) return null
      return {
        names: () => this.later(() => [...(disk.spare?.keys() ?? [])]),
        take: (name) => this.later(() => disk.spare?.get(name)?.slice(0) ?? null),
        put: (name, bytes) => this.later(() => disk.copy(name, bytes.slice(0))),
        remove: (name) => this.later(() => disk.spare?.has(name) && disk.copy(name, null)),
      }
    })
  }

  override tell(): void {
    for (const tab of this.disk.tabs as Set<SimTab>) {
      if (tab !== this) tab.after(1, () => tab.told.forEach((call) => call()))
    }
  }

  override onTold(call: () => void): () => void {
    this.told.add(call)
    return () => this.told.delete(call)
  }

  wake(why: Wake): void {
    if (!this.dead) for (const call of this.waiters) call(why)
  }

  /** The page is gone between one instruction and the next. */
  die(): void {
    if (this.dead) return
    this.dead = true
    this.disk.tabs.delete(this)
    dropTab(this)
    this.locks.drop(this)
  }

  /** A hash, or a look into the other storage, takes a moment, during which other pages get on. */
  private later<T>(call: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.virtual.after(this.luck.between(0.01, 1.5), () => {
        if (this.dead) return
        try {
          resolve(call())
        } catch (error) {
          reject(error)
        }
      })
    })
  }
}

interface FakeKey {
  readonly type: 'private' | 'public'
  readonly der: Uint8Array
}

/** Reading a key costs more than signing with it; the outbox gives us the same few again and again. */
const keys = new Map<string, KeyObject>()

function keyOf({ type, der }: FakeKey): KeyObject {
  const text = Buffer.from(der).toString('latin1')
  let key = keys.get(text)
  if (key === undefined) {
    const bytes = Buffer.from(der)
    key =
      type === 'private'
        ? createPrivateKey({ key: bytes, format: 'der', type: 'pkcs8' })
        : createPublicKey({ key: bytes, format: 'der', type: 'spki' })
    keys.set(text, key)
  }
  return key
}

/** WebCrypto as far as the outbox uses it, done at once and answered in virtual time: the real one uses threads. */
function subtleOver(later: <T>(call: () => T) => Promise<T>) {
  const bytes = (data: BufferSource) =>
    data instanceof ArrayBuffer ? new Uint8Array(data) : new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  return {
    digest: (_: string, data: BufferSource) => {
      const found = createHash('sha256').update(bytes(data)).digest()
      return later(() => new Uint8Array(found).buffer)
    },
    generateKey: () =>
      later(() => {
        const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
        const secret = new Uint8Array(pair.privateKey.export({ format: 'der', type: 'pkcs8' }))
        const open = new Uint8Array(pair.publicKey.export({ format: 'der', type: 'spki' }))
        return { privateKey: { type: 'private', der: secret }, publicKey: { type: 'public', der: open } }
      }),
    exportKey: (_: string, key: FakeKey) => later(() => new Uint8Array(key.der).buffer),
    importKey: (_: string, der: Uint8Array) => later(() => ({ type: 'public', der }) as FakeKey),
    sign: (_: unknown, key: FakeKey, data: BufferSource) =>
      later(() => {
        return new Uint8Array(sign('sha256', bytes(data), { key: keyOf(key), dsaEncoding: 'ieee-p1363' })).buffer
      }),
    verify: (_: unknown, key: FakeKey, signature: BufferSource, data: BufferSource) =>
      later(() => {
        return verify('sha256', bytes(data), { key: keyOf(key), dsaEncoding: 'ieee-p1363' }, bytes(signature))
      }),
  }
}
