/**
 * The phone's database.
 *
 * DO NOT CHANGE THE STORES OR THE SHAPE OF THEIR ROWS WITHOUT A MIGRATION: phones in the field hold records that are
 * nowhere else. Add a version to `upgrade` and only ever add: no store or row of an earlier version may be dropped.
 * Record lines are opaque text and need no migration.
 */
import { type DBSchema, type IDBPDatabase, type IDBPTransaction, type StoreNames, wrap } from 'idb'
import type { Device, Pack, PhotoType, Receipt, School, StorageReason } from './types'
import type { World } from './world'

export const NAME = 'campus-patrol'
export const VERSION = 1

/** Position in the stream; one row, key `chain`, changed only together with the rows it speaks of. */
export interface Chain {
  readonly stream: string
  /** Number of the next record. */
  readonly next: number
  /** h[next - 1]. */
  readonly head: string
  /** Highest number the server has acknowledged with my own hash. */
  readonly acked: number
  /** Highest number contained in a verified backup off the server. */
  readonly durable: number
  readonly generation: string | null
  /** When the server last confirmed that nothing waited. */
  readonly safeAt: number | null
  readonly made: number
  /** New streams begun since the server last acknowledged anything: slows down a quarrel that never ends. */
  readonly moves: number
}

export interface Stopped {
  readonly code: string
  readonly at: number
}

/** A kept head that the server's log contradicts. */
export interface Against {
  readonly day: string
  readonly number: number
  readonly at: number
}

/** The signed heads of the school's log, as printed, newest last. */
export interface Heads {
  readonly kept: readonly string[]
  readonly against: Against | null
}

export interface Lost {
  readonly stream: string
  readonly records: number
  readonly at: number
  /** Of those that were not sent, how many came back from the spare copy; not there when it could not be read. */
  readonly back?: number
  readonly missing?: number
}

/** One record; key `n`. `line` is written once and never again serialised. */
export interface Row {
  readonly n: number
  readonly id: string
  readonly at: number
  readonly line: string
  readonly previous: string
  readonly hash: string
}

/** `lost`: no room when it was taken. `dropped`: on the server and old, here only small. `refused`: the server says it is no photo. */
export type PhotoState = 'waiting' | 'stored' | 'damaged' | 'lost' | 'refused' | 'dropped'

export interface PhotoRow {
  readonly sha256: string
  readonly size: number
  readonly type: PhotoType
  readonly bytes: ArrayBuffer | null
  /** What is left of a photo that made room. */
  readonly thumb?: ArrayBuffer
  readonly state: PhotoState
  readonly record: string
  readonly at: number
}

export interface AsideRow {
  readonly key: string
  readonly what: 'record' | 'photo'
  readonly id: string
  readonly code: string
  readonly at: number
  readonly line: string | null
  readonly sha256: string | null
  readonly onServer: boolean
}

export interface DeviceRow {
  readonly device: Device
  readonly school: School
  readonly token: string
  /** SPKI, base64. */
  readonly serverKey: string | null
}

/** Salted and slow to guess; nothing but attribution hangs on it. */
export interface Verifier {
  readonly salt: Uint8Array<ArrayBuffer>
  readonly hash: Uint8Array<ArrayBuffer>
  readonly iterations: number
}

export interface Tries {
  readonly wrong: number
  readonly until: number
}

export interface Lease {
  readonly owner: string
  readonly until: number
}

export interface Schema extends DBSchema {
  /** chain, stopped, lost, lease, selftest, heads, receipt:<stream>; school: for which what came back is meant */
  meta: { key: string; value: Chain | Stopped | Lost | Lease | Receipt | Heads | number | string }
  outbox: { key: number; value: Row; indexes: { at: number } }
  photos: { key: string; value: PhotoRow; indexes: { state: PhotoState } }
  aside: { key: string; value: AsideRow }
  drafts: { key: string; value: unknown }
  /** device, key, verifier:<person>, tries:<person> */
  device: { key: string; value: DeviceRow | CryptoKey | Verifier | Tries }
  pack: { key: string; value: Pack }
}

export type StoreName = StoreNames<Schema>
export type Reading = IDBPTransaction<Schema, StoreName[], 'readonly'>
export type Writing = IDBPTransaction<Schema, StoreName[], 'readwrite'>

/** The database cannot be used; `reason` says what the screen should advise. */
export class StorageFailed extends Error {
  constructor(
    readonly reason: StorageReason,
    readonly detail: string,
  ) {
    super(`${reason}: ${detail}`)
    this.name = 'StorageFailed'
  }
}

const OPEN_PATIENCE = 10_000
/** A slow phone's flash memory has taken seconds over one commit; a database that is stuck answers never. */
const WORK_PATIENCE = 20_000

/** Errors by which WebKit and Chromium say that the connection is gone, not that the work was wrong. */
const CONNECTION_ERRORS = new Set(['InvalidStateError', 'UnknownError', 'AbortError', 'TransactionInactiveError'])

function upgrade(db: IDBDatabase, from: number): void {
  if (from < 1) {
    db.createObjectStore('meta')
    db.createObjectStore('outbox', { keyPath: 'n' }).createIndex('at', 'at')
    db.createObjectStore('photos', { keyPath: 'sha256' }).createIndex('state', 'state')
    db.createObjectStore('aside', { keyPath: 'key' })
    db.createObjectStore('drafts')
    db.createObjectStore('device')
    db.createObjectStore('pack')
  }
}

function nameOf(error: unknown): string {
  return (error as { name?: string } | null)?.name ?? ''
}

function explain(error: unknown): StorageFailed {
  if (error instanceof StorageFailed) return error
  const name = nameOf(error)
  const detail = `${name} ${(error as { message?: string } | null)?.message ?? String(error)}`.trim()
  if (name === 'QuotaExceededError') return new StorageFailed('full', detail)
  // The person or the browser's settings forbid this site to keep anything.
  if (name === 'SecurityError') return new StorageFailed('missing', detail)
  if (name === 'VersionError') return new StorageFailed('newer_tab', detail)
  return new StorageFailed('broken', detail)
}

/** One connection that heals itself: reopened after a loss, given up for good only to a newer version of the app. */
export class Store {
  private opening: Promise<IDBPDatabase<Schema>> | null = null
  private replaced = false
  private readonly watchers = new Set<(failure: StorageFailed) => void>()

  constructor(private readonly world: World) {}

  /** Told when this page may no longer write, because a newer version of the app has opened the database. */
  onReplaced(call: (failure: StorageFailed) => void): void {
    this.watchers.add(call)
  }

  /** Runs `work` in one transaction. `work` may await nothing but requests of that transaction. */
  read<T>(stores: StoreName[], work: (tx: Reading) => Promise<T>): Promise<T> {
    return this.twice((db) => this.inTime(db.transaction(stores, 'readonly'), work))
  }

  /**
   * Runs `work` in one strict transaction and resolves only after `complete`: what it wrote survives a power cut.
   * `work` may run a second time after a lost connection, when it is unknown whether the first run was kept:
   * it must notice its own traces. Rejects with StorageFailed, or with whatever `work` threw.
   */
  write<T>(stores: StoreName[], work: (tx: Writing) => Promise<T>): Promise<T> {
    return this.twice((db) => this.inTime(db.transaction(stores, 'readwrite', { durability: 'strict' }), work))
  }

  /**
   * Gives up a transaction that is never answered, so that a save ends in red with the form kept. It is aborted first:
   * what was shown as not saved must not turn up later.
   */
  private async inTime<T, M extends 'readonly' | 'readwrite'>(
    tx: IDBPTransaction<Schema, StoreName[], M>,
    work: (tx: IDBPTransaction<Schema, StoreName[], M>) => Promise<T>,
  ): Promise<T> {
    let inTime = (): void => {}
    const late = new Promise<never>((_, reject) => {
      inTime = this.world.after(WORK_PATIENCE, () => {
        reject(new StorageFailed('broken', 'the database does not answer'))
        void this.close()
        try {
          tx.abort()
        } catch {
          // Too late to take it back; what it wrote is whole.
        }
      })
    })
    const settled = settle(tx, work)
    settled.catch(() => {})
    try {
      return await Promise.race([settled, late])
    } finally {
      inTime()
    }
  }

  /** Proves that what is written can be read again through another connection. */
  async selfTest(): Promise<void> {
    if (this.world.indexedDB === null) throw new StorageFailed('missing', 'no IndexedDB')
    if (this.world.subtle === null) throw new StorageFailed('no_crypto', 'no WebCrypto')
    const mark = this.world.now()
    await this.write(['meta'], async (tx) => void (await tx.objectStore('meta').put(mark, 'selftest')))
    await this.close()
    const found = await this.read(['meta'], (tx) => tx.objectStore('meta').get('selftest'))
    // Another tab may have begun its own test meanwhile, with its own time.
    if (typeof found !== 'number') throw new StorageFailed('broken', 'written value did not come back')
  }

  async close(): Promise<void> {
    const opening = this.opening
    this.opening = null
    if (opening !== null) (await opening.catch(() => null))?.close()
  }

  private async twice<T>(work: (db: IDBPDatabase<Schema>) => Promise<T>): Promise<T> {
    const mine = this.open()
    try {
      return await work(await mine)
    } catch (error) {
      if (this.replaced || !CONNECTION_ERRORS.has(nameOf(error))) throw this.judge(error)
      if (this.opening === mine) await this.close()
    }
    try {
      return await work(await this.open())
    } catch (error) {
      throw this.judge(error)
    }
  }

  private judge(error: unknown): unknown {
    // What `work` itself threw passes through; only the database's own errors are translated.
    const own = error instanceof Error && nameOf(error) !== 'VersionError' && !(error instanceof DOMException)
    return own && !CONNECTION_ERRORS.has(nameOf(error)) && nameOf(error) !== 'QuotaExceededError' ? error : explain(error)
  }

  private open(): Promise<IDBPDatabase<Schema>> {
    if (this.replaced) return Promise.reject(new StorageFailed('newer_tab', 'a newer version is open'))
    if (this.opening === null) {
      const opening = this.connect()
      this.opening = opening
      opening.catch(() => {
        if (this.opening === opening) this.opening = null
      })
    }
    return this.opening
  }

  private async connect(): Promise<IDBPDatabase<Schema>> {
    const factory = this.world.indexedDB
    if (factory === null) throw new StorageFailed('missing', 'no IndexedDB')
    const request = factory.open(NAME, VERSION)
    request.onupgradeneeded = (event) => upgrade(request.result, event.oldVersion)
    // WebKit has left an open request unanswered for ever, and an old tab may refuse to let go.
    let giveUp = (): void => {}
    const late = new Promise<never>((_, reject) => {
      giveUp = this.world.after(OPEN_PATIENCE, () => reject(new StorageFailed('broken', 'the database does not open')))
    })
    try {
      const opened = wrap(request) as unknown as Promise<IDBPDatabase<Schema>>
      opened.then((db) => this.watch(db)).catch(() => {})
      return await Promise.race([opened, late])
    } finally {
      giveUp()
    }
  }

  private watch(db: IDBPDatabase<Schema>): void {
    db.onversionchange = () => {
      // A newer page wants to add stores; holding on would block it, writing on would use an old schema.
      this.replaced = true
      db.close()
      const failure = new StorageFailed('newer_tab', 'a newer version is open')
      for (const call of this.watchers) call(failure)
    }
    db.onclose = () => {
      this.opening = null
    }
  }
}

async function settle<T, M extends 'readonly' | 'readwrite'>(
  tx: IDBPTransaction<Schema, StoreName[], M>,
  work: (tx: IDBPTransaction<Schema, StoreName[], M>) => Promise<T>,
): Promise<T> {
  const complete = tx.done
  complete.catch(() => {})
  let result: T
  try {
    result = await work(tx)
  } catch (error) {
    try {
      tx.abort()
    } catch {
      // Already aborted by the failed request.
    }
    await complete.catch(() => {})
    // A failed request says only "aborted"; the transaction knows why, e.g. no room.
    throw tx.error ?? error
  }
  await complete
  return result
}
