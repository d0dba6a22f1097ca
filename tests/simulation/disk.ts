/**
 * A phone's flash memory under fake-indexeddb: what survives a killed app, and what survives a power cut.
 *
 * A killed app loses the transactions that were not complete. A power cut also loses what was written after the last
 * strict transaction. fake-indexeddb's insides are used on purpose: a copy of a database must not go through its API.
 */
import { IDBFactory as FakeFactory } from 'fake-indexeddb'
import { Profile } from '@outbox/testing/world'
import type { VirtualTime } from './time'
import type { SimTab } from './tab'

/* eslint-disable @typescript-eslint/no-explicit-any */
const NAME = 'campus-patrol'

interface Copy {
  readonly raw: any
  readonly version: number
  readonly stores: readonly { readonly store: any; readonly records: readonly { key: unknown; value: any }[] }[]
}

export interface Held {
  readonly id: string
  readonly line: string
  /** null for a line that was put aside. */
  readonly n: number | null
  readonly stream: string
  readonly code: string | null
}

export class Disk extends Profile {
  flushed: Copy | null = null
  /** Every line on flushed memory, by id. */
  lines = new Map<string, Held>()
  /** The school whose token is on flash memory. */
  school: string | null = null
  /** Changes when the database was replaced under the pages. */
  epoch = 0
  full = false
  /** Counts down with each readwrite transaction; at zero the app dies, before or after `complete`. */
  killIn = -1
  killAfter = false
  loseConnection = 0
  hideComplete = 0
  onFlush: (gone: readonly Held[]) => void = () => {}
  onKill: () => void = () => {}
  /** Lines that are in no entry of the spare copy any more. */
  onDropped: (gone: readonly Held[]) => void = () => {}
  private written: { at: number; key: string; value: string }[] = []
  /** What was done to the other storage; null takes away. */
  private copied: { at: number; name: string; bytes: ArrayBuffer | null }[] = []
  /** The lines in each of its entries. */
  private readonly spared = new Map<string, readonly Held[]>()

  constructor(readonly time: VirtualTime) {
    super()
  }

  get raw(): any {
    return (this.indexedDB as any)._databases.get(NAME)
  }

  get version(): number {
    return this.raw?.version ?? 0
  }

  remember(key: string, value: string): void {
    this.memory.set(key, value)
    this.written.push({ at: this.time.now, key, value })
  }

  copy(name: string, bytes: ArrayBuffer | null): void {
    if (bytes !== null && this.full) throw new DOMException('no room', 'QuotaExceededError')
    this.copied.push({ at: this.time.now, name, bytes })
    const before = this.spared.get(name) ?? []
    this.putSpare(name, bytes)
    this.onDropped(before.filter(({ id }) => !this.hasSpare(id)))
  }

  private putSpare(name: string, bytes: ArrayBuffer | null): void {
    this.spare ??= new Map()
    if (bytes === null) {
      this.spare.delete(name)
      this.spared.delete(name)
    } else {
      this.spare.set(name, bytes)
      this.spared.set(name, linesOf(bytes))
    }
  }

  /** Every line in the spare copy, by id. */
  get spareLines(): Map<string, Held> {
    return new Map([...this.spared.values()].flat().map((held) => [held.id, held]))
  }

  hasSpare(id: string): boolean {
    for (const lines of this.spared.values()) if (lines.some((held) => held.id === id)) return true
    return false
  }

  loseSpare(): void {
    this.spare = null
    this.spared.clear()
    this.copied = []
  }

  /** Takes what a completed strict transaction has put on the flash. */
  flush(): void {
    this.flushed = copyOf(this.raw)
    const before = this.lines
    this.lines = linesIn(this.flushed)
    this.school = schoolIn(this.flushed)
    this.onFlush([...before.values()].filter((line) => !this.lines.has(line.id)))
  }

  /**
   * Drops what is not complete; in a power cut also what was not flushed, and the last `unwritten` ms of localStorage
   * and of the spare copy.
   */
  interrupt(power: boolean, unwritten = 0): void {
    for (const tx of [...(this.raw?.transactions ?? [])]) if (tx._state !== 'finished') tx._abort('AbortError')
    this.replace(power ? this.flushed : copyOf(this.raw))
    if (!power) return
    this.written = this.written.filter((one) => one.at <= this.time.now - unwritten)
    this.memory.clear()
    for (const { key, value } of this.written) this.memory.set(key, value)
    const copied = this.copied.filter((one) => one.at <= this.time.now - unwritten)
    this.loseSpare()
    this.copied = copied
    for (const { name, bytes } of copied) this.putSpare(name, bytes)
  }

  /** The database is gone; with `all`, everything this origin has kept. */
  lose(all: boolean): void {
    this.replace(null)
    if (all) {
      this.memory.clear()
      this.written = []
    }
  }

  /** Goes back to an older state of the database, while localStorage stays. */
  goBack(older: Copy | null): void {
    this.replace(older)
  }

  clone(): Disk {
    const twin = new Disk(this.time)
    twin.lockless = this.lockless
    twin.persistAnswer = this.persistAnswer
    twin.replace(copyOf(this.raw))
    for (const [key, value] of this.memory) twin.remember(key, value)
    for (const [name, bytes] of this.spare ?? []) twin.copy(name, bytes)
    return twin
  }

  /** Closes every connection by force, as a browser does that clears an origin's data under an open page. */
  cutConnections(close: (connection: any) => void): void {
    for (const connection of [...(this.raw?.connections ?? [])]) close(connection)
  }

  /** Spoils the bytes of one waiting photo; tells which. */
  damagePhoto(pick: (n: number) => number): string | null {
    const store = this.raw?.rawObjectStores.get('photos')
    if (store === undefined) return null
    const records = [...store.records.values()].filter((one: any) => one.value.state === 'waiting' && one.value.bytes)
    if (records.length === 0) return null
    const record = records[pick(records.length)] as any
    const { bytes } = record.value
    record.value = { ...record.value, bytes: this.spoilt(bytes, records, pick) }
    if (this.flushed !== null) this.flushed = copyOf(this.raw)
    return record.value.sha256 as string
  }

  /** Empty, half, one byte changed, lost, or those of another photo. */
  private spoilt(bytes: ArrayBuffer, all: readonly any[], pick: (n: number) => number): ArrayBuffer | null {
    const other = all.map((one) => one.value.bytes as ArrayBuffer).find((one) => one !== bytes)
    const kind = pick(5)
    if (kind === 0) return new ArrayBuffer(0)
    if (kind === 1) return bytes.slice(0, bytes.byteLength >> 1)
    if (kind === 2) return null
    if (kind === 3 && other !== undefined) return other.slice(0)
    const changed = bytes.slice(0)
    new Uint8Array(changed)[0]! ^= 0xff
    return changed
  }

  /** Photos of which this phone has the bytes, in its database or in the spare copy. */
  get photos(): Set<string> {
    const whole = this.rows('photos').filter(({ bytes }: { bytes: unknown }) => bytes !== null)
    const spare = [...(this.spare?.keys() ?? [])].filter((key) => key.startsWith('photo/'))
    return new Set([...whole.map(({ sha256 }: { sha256: string }) => sha256), ...spare.map((key) => key.slice(6))])
  }

  rows(name: string): any[] {
    const store = this.raw?.rawObjectStores.get(name)
    return store === undefined ? [] : [...store.records.values()].map((one: any) => one.value)
  }

  meta(key: string): any {
    return this.raw?.rawObjectStores.get('meta')?.records.get(key)?.value
  }

  private replace(copy: Copy | null): void {
    this.epoch++
    const factory = new FakeFactory()
    if (copy !== null) (factory as any)._databases.set(NAME, build(copy))
    this.indexedDB = factory
    this.flushed = copy
    this.lines = linesIn(copy)
    this.school = schoolIn(copy)
  }
}

function copyOf(raw: any): Copy | null {
  if (raw === undefined || raw.version === 0) return null
  const stores = [...raw.rawObjectStores.values()].map((store: any) => ({
    store,
    records: [...store.records.values()].map(({ key, value }: any) => ({ key, value })),
  }))
  return stores.length === 0 ? null : { raw, version: raw.version, stores }
}

function build(copy: Copy): any {
  const raw = new copy.raw.constructor(NAME, copy.version)
  for (const { store, records } of copy.stores) {
    const made = new store.constructor(raw, store.name, store.keyPath, store.autoIncrement)
    raw.rawObjectStores.set(store.name, made)
    for (const index of store.rawIndexes.values()) {
      const twin = new index.constructor(made, index.name, index.keyPath, index.multiEntry, index.unique)
      twin.initialized = true
      made.rawIndexes.set(index.name, twin)
    }
    for (const { key, value } of records) made.storeRecord({ key, value }, true)
  }
  return raw
}

/** Read with eyes of our own: a line of JSON with the stream and its numbers, and behind it the records. */
function linesOf(bytes: ArrayBuffer): Held[] {
  const [first, ...lines] = new TextDecoder().decode(bytes).split('\n')
  const { stream, rows } = JSON.parse(first!) as { stream: string; rows: { n: number; id: string }[] }
  return rows.map(({ n, id }, i) => ({ id, line: lines[i]!, n, stream, code: null }))
}

function schoolIn(copy: Copy | null): string | null {
  const records = copy?.stores.find(({ store }) => store.name === 'device')?.records ?? []
  return records.find(({ key }) => key === 'device')?.value.school.id ?? null
}

function linesIn(copy: Copy | null): Map<string, Held> {
  const held = new Map<string, Held>()
  if (copy === null) return held
  const records = (name: string) => copy.stores.find(({ store }) => store.name === name)?.records ?? []
  const stream = records('meta').find(({ key }) => key === 'chain')?.value.stream ?? ''
  for (const { value } of records('aside')) {
    const { id, line, code } = value
    if (line !== null) held.set(id, { id, line, n: null, stream, code })
  }
  for (const { value } of records('outbox')) {
    const { id, line, n } = value
    held.set(id, { id, line, n, stream, code: held.get(id)?.code ?? null })
  }
  return held
}

/** Runs `call` in place of the transaction's commit. */
function atCommit(tx: any, call: () => void): void {
  const start = tx._start
  tx._start = function (this: any): void {
    if (this._started && this._requests.length === 0 && this._state !== 'finished') call()
    else start.call(this)
  }
}

const owners = new WeakMap<object, SimTab>()

/** What a page sees as `indexedDB`: a dead page's requests are never answered. */
export function factoryFor(tab: SimTab): IDBFactory {
  return {
    open(name: string, version?: number): IDBOpenDBRequest {
      if (tab.dead) return new (IDBOpenDBRequest as any)() as IDBOpenDBRequest
      const request = tab.disk.indexedDB.open(name, version)
      request.addEventListener('upgradeneeded', () => {
        owners.set(request.result, tab)
        if (tab.dead) request.transaction!.abort()
        else befall(request.transaction, tab.disk, request.result)
      })
      request.addEventListener('success', () => {
        owners.set(request.result, tab)
        // A connection that nobody holds would stand in the way of the next version.
        if (tab.dead) request.result.close()
      })
      return request
    },
  } as unknown as IDBFactory
}

export function dropTab(tab: SimTab): void {
  const { raw } = tab.disk
  for (const tx of [...(raw?.transactions ?? [])]) {
    if (owners.get(tx.db) === tab && tx._state !== 'finished') tx._abort('AbortError')
  }
  for (const connection of [...(raw?.connections ?? [])]) if (owners.get(connection) === tab) connection.close()
}

const plain = IDBDatabase.prototype.transaction

IDBDatabase.prototype.transaction = function (this: any, stores: any, mode?: any, options?: any): any {
  const tab = owners.get(this)
  if (tab === undefined) return plain.call(this, stores, mode, options)
  if (tab.dead) throw new DOMException('this page is dead', 'InvalidStateError')
  const { disk } = tab
  const stale = this._rawDatabase !== disk.raw
  if (mode !== 'readwrite' || stale) return plain.call(this, stores, mode, options)
  if (disk.loseConnection > 0 && disk.loseConnection-- === 1) {
    throw new DOMException('connection to the database was lost', 'InvalidStateError')
  }
  const tx = plain.call(this, stores, mode, options) as any
  befall(tx, disk, this)
  return tx
}

/** What may happen to a transaction in the moment of its commit. */
function befall(tx: any, disk: Disk, connection: any): void {
  const dies = disk.killIn >= 0 && disk.killIn-- === 0
  const hidden = tx.mode === 'readwrite' && disk.hideComplete > 0 && disk.hideComplete-- === 1
  // All requests have succeeded by then, and still nothing is kept: what a page must not take for done.
  if (disk.full) atCommit(tx, () => tx._abort('QuotaExceededError'))
  if (dies && !disk.killAfter) atCommit(tx, () => disk.onKill())
  tx.addEventListener('complete', (event: any) => {
    if (connection._rawDatabase !== disk.raw) return
    if (tx.durability === 'strict') disk.flush()
    if (dies && disk.killAfter) {
      event.stopImmediatePropagation()
      disk.onKill()
    } else if (hidden) {
      // Kept on the disk, but the page hears that the connection broke.
      event.stopImmediatePropagation()
      tx.error = new DOMException('connection to the database was lost', 'UnknownError')
      tx.dispatchEvent(Object.assign(new (event.constructor as any)('abort'), { eventPath: [] }))
    }
  })
}
