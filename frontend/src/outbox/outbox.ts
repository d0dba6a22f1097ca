/** The queue itself: saving, moving to a new stream, counting, listing, exporting. Knows nothing of the network. */
import { link, newStream, sha256 } from './chain'
import {
  type Against,
  type AsideRow,
  type Chain,
  type Heads,
  type Lost,
  type PhotoRow,
  type Row,
  StorageFailed,
  type Store,
  type StoreName,
  type Stopped,
  type Writing,
} from './db'
import { chainUp, exportText, type Line, view, Writer } from './lines'
import type {
  AsideItem,
  JsonObject,
  Kind,
  NewPhoto,
  NewRecord,
  PhotoRef,
  PhotoType,
  Receipt,
  RecordView,
  Saved,
} from './types'
import type { Back, Spare } from './spare'
import type { World } from './world'

/** What localStorage keeps, so that a database that vanished or went back in time is noticed. */
const MARKER = 'campus-patrol-store'
/** Up to where the server has the records of a stream, kept beside the marker for the same day. */
const ACKED = 'campus-patrol-acked'
/** How long a phone that lost its database waits for the spare copy: it must not stand still over it. */
const SPARE_PATIENCE = 3_000
const LOCK = 'outbox'
const LOCK_PATIENCE = 3_000
/** Begins the key of a row aside that was given to a supervisor: of those there is nothing to be done. */
const HANDED = 'rescued:'

/** The record is not on the disk; the form must stay filled. */
export class SaveFailed extends Error {
  constructor(
    readonly reason: 'full' | 'storage' | 'closed',
    readonly detail: string,
  ) {
    super(`${reason}: ${detail}`)
    this.name = 'SaveFailed'
  }
}

/** Another tab was faster; look again and repeat. */
class Moved extends Error {}

/** Another tab has done it already. */
class Gone extends Error {}

export interface Counts {
  readonly waiting: number
  readonly safe: number
  /** Refused by the server, or too large for it. */
  readonly aside: number
  /** Given to a supervisor with a rescue code. */
  readonly handedOver: number
  readonly photosWaiting: number
  readonly safeUntil: number | null
  readonly receipt: Receipt | null
  readonly stopped: Stopped | null
  readonly lost: Lost | null
  readonly against: Against | null
}

export interface Mark {
  readonly stream: string
  readonly seq: number
}

interface Handed {
  readonly head: string
  readonly tooLarge: ReadonlySet<number>
}

interface Follow {
  readonly stores: StoreName[]
  readonly work: (tx: Writing) => Promise<void>
}

export async function readChain(tx: { objectStore(name: 'meta'): { get(key: string): Promise<unknown> } }): Promise<Chain> {
  const chain = (await tx.objectStore('meta').get('chain')) as Chain | undefined
  if (chain === undefined) throw new StorageFailed('broken', 'the database was emptied under this page')
  return chain
}

export class Outbox {
  private readonly writer: Writer
  /** What is to be done with the spare copy, in its order; nothing ever waits for it. */
  private spared: Promise<unknown> = Promise.resolve()
  private tidied = false

  constructor(
    private readonly world: World,
    private readonly store: Store,
    private readonly app: string,
  ) {
    this.writer = new Writer(world, app)
  }

  /** Makes the first stream of a new database; begins another when the old one was lost or went back in time. */
  async open(): Promise<void> {
    const marker = this.readMark(MARKER)
    const chain = (await this.store.read(['meta'], (tx) => tx.objectStore('meta').get('chain'))) as Chain | undefined
    if (chain === undefined) await this.begin(marker)
    // Numbers up to marker.seq were shown as saved once: giving them out again would fork the stream.
    else if (marker !== null && marker.stream === chain.stream && marker.seq >= chain.next) {
      await this.take(chain.stream, await this.search(marker))
    } else {
      this.writeMarker(chain)
      if (!this.tidied) this.tidy()
    }
  }

  /** Resolves when record and photos have survived to the disk, never before. Rejects with SaveFailed. */
  async save(record: NewRecord, photos: readonly NewPhoto[] = []): Promise<Saved> {
    const refs = photos.map(({ sha256, size }): PhotoRef => ({ sha256, size }))
    const line = this.writer.line(record.kind, record, refs)
    const rows = photos.map(
      ({ sha256, size, type, bytes }): PhotoRow => ({
        sha256,
        size,
        type,
        bytes,
        state: 'waiting',
        record: line.id,
        at: line.at,
      }),
    )
    try {
      let lost: string[] = []
      let chain: Chain
      try {
        chain = await this.append(line, rows)
        // The record is kept from here on. A photo that cannot be looked at now is looked at again before it is sent.
        lost = await this.unreadable(rows).catch(() => [])
      } catch (error) {
        if (!(error instanceof StorageFailed && error.reason === 'full') || rows.length === 0) throw error
        // The words matter more than the picture: keep the record and say that the photo is not kept.
        chain = await this.append(
          line,
          rows.map((row) => ({ ...row, bytes: null, state: 'lost' })),
        )
        lost = rows.map((row) => row.sha256)
      }
      const at = new Date(line.at).toISOString()
      return { id: line.id, stream: chain.stream, n: chain.next - 1, at, photosLost: lost }
    } catch (error) {
      if (!(error instanceof StorageFailed)) throw new SaveFailed('storage', String(error))
      const reason = error.reason === 'full' ? 'full' : error.reason === 'newer_tab' ? 'closed' : 'storage'
      throw new SaveFailed(reason, error.detail)
    }
  }

  async photo(bytes: ArrayBuffer, type: PhotoType): Promise<NewPhoto> {
    return { sha256: await sha256(this.world, bytes), size: bytes.byteLength, type, bytes }
  }

  /** A record of the phone's own, e.g. a report about a photo, together with whatever must change at the same instant. */
  async note(kind: Kind, record: { data: JsonObject; ref: string | null }, follow: Follow): Promise<void> {
    await this.append(this.writer.line(kind, { person: null, tag: null, ...record }, []), [], follow)
  }

  /**
   * Takes every record held here over to a new stream, lines unchanged, in one transaction.
   * Does nothing when `from` is no longer the stream. `park` names a record too large for the server: it goes aside
   * and a stub takes its place in the chain.
   */
  async move(from: string, options: { park?: number } = {}): Promise<void> {
    await this.restart(from, options)
  }

  /** Begins a new stream with what came back of a newer state of the database. */
  async take(from: string, back: Back): Promise<void> {
    await this.restart(from, { back })
  }

  /** The server has it now: the spare copy need not keep it any longer. */
  acknowledged(stream: string, from: number, to: number): void {
    if (from === to) return
    this.world.remember(ACKED, JSON.stringify({ stream, seq: to }))
    this.later((spare) => spare.acknowledged(stream, from, to))
  }

  acked(): Mark | null {
    return this.readMark(ACKED)
  }

  /** Does something with the spare copy when what was begun before is done. */
  later(work: (spare: Spare) => Promise<void>): void {
    // A spare copy that fails is no copy; the record itself is where it was.
    this.spared = this.spared.then(async () => work(await this.spare())).catch(() => {})
  }

  /** Puts every record aside, for no other school may see them, and begins a new stream together with `follow`. */
  async leaveSchool(follow: Follow): Promise<void> {
    await this.restart(null, { abandon: follow })
  }

  /**
   * Puts every record aside that the server was seen to keep for a supervisor, and begins a new stream. Does nothing
   * and answers false when the stream has grown beyond `head`. Lines of `tooLarge` numbers have stayed on this phone.
   */
  handedOver(from: string, head: string, tooLarge: ReadonlySet<number>): Promise<boolean> {
    return this.restart(from, { handed: { head, tooLarge } })
  }

  private async restart(
    from: string | null,
    { park, back, abandon, handed }: { park?: number; back?: Back; abandon?: Follow; handed?: Handed },
  ): Promise<boolean> {
    const done = await this.world.alone(LOCK, LOCK_PATIENCE, () =>
      this.again(async () => {
        const [chain, rows] = await this.store.read(['meta', 'outbox'], async (tx) => {
          return [await readChain(tx), await tx.objectStore('outbox').getAll()] as const
        })
        if (from !== null && chain.stream !== from) return handed === undefined
        if (handed !== undefined && chain.head !== handed.head) return false
        const at = this.world.now()
        const aside: AsideRow[] = []
        const known = new Set(rows.map(({ id }) => id))
        const isNew = ({ id }: Line) => !known.has(id)
        const lines: Line[] = back?.before.filter(isNew) ?? []
        for (const row of rows) {
          if (abandon !== undefined) {
            aside.push(asideRecord(row, 'other_school', at, row.n <= chain.acked))
          } else if (handed?.tooLarge.has(row.n)) {
            aside.push(asideRecord(row, 'line_too_long', at, false))
          } else if (handed !== undefined) {
            aside.push({ ...asideRecord(row, 'rescued', at, true), key: `${HANDED}${row.id}` })
          } else if (row.n === park) {
            aside.push(asideRecord(row, 'line_too_long', at, false))
            lines.push(await this.writer.stub(row))
          } else lines.push({ id: row.id, at: row.at, text: row.line })
        }
        lines.push(...(back?.behind.filter(isNew) ?? []))
        const lost = back?.lost?.stream === chain.stream ? back.lost : null
        const reason = abandon ? 'enrolled' : handed ? 'rescued' : lost ? 'lost' : 'moved'
        const before = { stream: chain.stream, next: lost ? back!.next : chain.next }
        lines.push(this.writer.boot(reason, abandon === undefined ? before : null))
        const stream = newStream(this.world)
        const moved = await chainUp(this.world, stream, lines)
        const head = moved[moved.length - 1]!
        const next: Chain = {
          ...chain,
          stream,
          next: head.n + 1,
          head: head.hash,
          acked: 0,
          durable: 0,
          made: at,
          moves: chain.moves + 1,
        }
        await this.store.write(['meta', 'outbox', 'aside', 'photos', ...(abandon?.stores ?? [])], async (tx) => {
          const now = await readChain(tx)
          if (now.stream === stream) return
          if (now.stream !== chain.stream || now.head !== chain.head || now.acked !== chain.acked) throw new Moved()
          await abandon?.work(tx)
          for (const row of aside) await tx.objectStore('aside').put(row)
          const outbox = tx.objectStore('outbox')
          await outbox.clear()
          for (const row of moved) await outbox.add(row)
          const meta = tx.objectStore('meta')
          if (back !== undefined) await bring(tx, back)
          await meta.put(next, 'chain')
        })
        this.writeMarker(next)
        return true
      }),
    )
    this.tidy()
    this.world.tell()
    return done
  }

  async counts(): Promise<Counts> {
    return this.store.read(['meta', 'photos', 'aside'], async (tx) => {
      const meta = tx.objectStore('meta')
      const chain = await readChain(tx)
      const handedOver = await tx.objectStore('aside').count(IDBKeyRange.bound(HANDED, `${HANDED}\uffff`))
      return {
        waiting: chain.next - 1 - chain.acked,
        safe: chain.acked,
        aside: (await tx.objectStore('aside').count()) - handedOver,
        handedOver,
        photosWaiting: await tx.objectStore('photos').index('state').count('waiting'),
        safeUntil: chain.safeAt,
        receipt: ((await meta.get(`receipt:${chain.stream}`)) as Receipt | undefined) ?? null,
        stopped: ((await meta.get('stopped')) as Stopped | undefined) ?? null,
        lost: ((await meta.get('lost')) as Lost | undefined) ?? null,
        against: ((await meta.get('heads')) as Heads | undefined)?.against ?? null,
      }
    })
  }

  /** Records in the order they were saved, newest last; at least the last two days are held. */
  async records(filter: { since?: number; kinds?: readonly Kind[]; limit?: number } = {}): Promise<RecordView[]> {
    const { since = 0, kinds, limit } = filter
    const [chain, rows, codes] = await this.store.read(['meta', 'outbox', 'aside'], async (tx) => {
      const found = await tx.objectStore('outbox').index('at').getAll(IDBKeyRange.lowerBound(since))
      const aside = await tx.objectStore('aside').getAll()
      return [await readChain(tx), found, new Map(aside.map((row) => [row.key, row.code]))] as const
    })
    rows.sort((one, other) => one.n - other.n)
    // A line that was sent once more stands in the queue twice: the later place is what becomes of it.
    const once = new Map(rows.map((row) => [row.id, row]))
    const views = [...once.values()]
      .map((row) => view(row, chain.acked, codes.get(row.id) ?? null))
      .filter((record) => kinds === undefined || kinds.includes(record.kind))
    return limit === undefined ? views : views.slice(-limit)
  }

  async waitingRecords(): Promise<RecordView[]> {
    return (await this.records()).filter((record) => record.state === 'waiting')
  }

  /** What needs a person; not what a supervisor has been given. */
  async asideItems(): Promise<AsideItem[]> {
    const all = await this.store.read(['aside'], (tx) => tx.objectStore('aside').getAll())
    return all.filter(({ key }) => !key.startsWith(HANDED)).map((row) => ({ ...row, again: mayHelp(row) }))
  }

  /**
   * Puts a line that was set aside at the end of the queue once more, byte for byte, or lets a photo wait again. The
   * server knows the record by its id: if it took it meanwhile, nothing is doubled.
   */
  async sendAgain(key: string): Promise<void> {
    const row = await this.store.read(['aside'], (tx) => tx.objectStore('aside').get(key))
    if (row === undefined || !mayHelp(row)) return
    if (row.what === 'photo') {
      await this.store.write(['photos', 'aside'], async (tx) => {
        const photo = await tx.objectStore('photos').get(row.sha256!)
        if (photo?.state === 'refused') await tx.objectStore('photos').put({ ...photo, state: 'waiting' })
        await tx.objectStore('aside').delete(key)
      })
      return this.world.tell()
    }
    const text = row.line!
    const { at } = JSON.parse(text) as { at: string }
    const work = async (tx: Writing): Promise<void> => {
      // Another tab was faster: once is enough.
      if ((await tx.objectStore('aside').get(key)) === undefined) throw new Gone()
      await tx.objectStore('aside').delete(key)
    }
    try {
      await this.append({ id: row.id, at: Date.parse(at), text }, [], { stores: ['aside'], work })
    } catch (error) {
      if (!(error instanceof Gone)) throw error
    }
  }

  /** Every line held, byte for byte, behind a header; then the ones aside; then the heads kept. Holds no token. */
  async exportFile(): Promise<{ name: string; blob: Blob }> {
    const [chain, rows, aside, heads] = await this.store.read(['meta', 'outbox', 'aside'], async (tx) => {
      return [
        await readChain(tx),
        await tx.objectStore('outbox').getAll(),
        await tx.objectStore('aside').getAll(),
        ((await tx.objectStore('meta').get('heads')) as Heads | undefined)?.kept ?? [],
      ] as const
    })
    const made = new Date(this.world.now()).toISOString()
    const text = exportText(chain, rows, aside, heads, made, this.app)
    const blob = new Blob([text], { type: 'application/x-ndjson' })
    return { name: `campus-patrol-${made.slice(0, 10)}.ndjson`, blob }
  }

  /** What a person has now been told of: lost data, or a log that contradicts a head. The heads themselves stay. */
  async acknowledge(what: 'lost' | 'against'): Promise<void> {
    await this.store.write(['meta'], async (tx) => {
      const meta = tx.objectStore('meta')
      if (what === 'lost') return meta.delete('lost')
      const heads = (await meta.get('heads')) as Heads | undefined
      if (heads !== undefined) await meta.put({ ...heads, against: null }, 'heads')
    })
    this.world.tell()
  }

  /** Half-filled forms: they outlive the page, but are no records. */
  readonly drafts = {
    put: (key: string, value: unknown): Promise<void> =>
      this.store.write(['drafts'], async (tx) => void (await tx.objectStore('drafts').put(value, key))),
    get: <T>(key: string): Promise<T | undefined> =>
      this.store.read(['drafts'], (tx) => tx.objectStore('drafts').get(key)) as Promise<T | undefined>,
    remove: (key: string): Promise<void> =>
      this.store.write(['drafts'], (tx) => tx.objectStore('drafts').delete(key)),
    keys: (): Promise<string[]> => this.store.read(['drafts'], (tx) => tx.objectStore('drafts').getAllKeys()),
  }

  private async begin(marker: Mark | null): Promise<void> {
    const at = this.world.now()
    const back = await this.search(marker)
    const { lost } = back
    const stream = newStream(this.world)
    const rows = await chainUp(this.world, stream, [
      this.writer.boot(lost ? 'lost' : 'new', lost && { stream: lost.stream, next: back.next }),
      ...back.before,
    ])
    const head = rows[rows.length - 1]!
    const chain: Chain = {
      stream,
      next: head.n + 1,
      head: head.hash,
      acked: 0,
      durable: 0,
      generation: null,
      safeAt: null,
      made: at,
      moves: 0,
    }
    const kept = await this.store.write(['meta', 'outbox', 'aside', 'photos'], async (tx) => {
      const there = (await tx.objectStore('meta').get('chain')) as Chain | undefined
      if (there !== undefined) return there
      for (const row of rows) await tx.objectStore('outbox').add(row)
      await bring(tx, back)
      await tx.objectStore('meta').put(chain, 'chain')
      return chain
    })
    this.writeMarker(kept)
    this.tidy()
  }

  /** What came back of a database that was lost or went back in time; without it, what the marker says. */
  private async search(marker: Mark | null): Promise<Back> {
    const lost = marker === null ? null : { stream: marker.stream, records: marker.seq, at: this.world.now() }
    const nothing: Back = { before: [], behind: [], put: null, lost, next: 1 + (marker?.seq ?? 0) }
    let cancel = (): void => {}
    const late = new Promise<Back>((resolve) => {
      cancel = this.world.after(SPARE_PATIENCE, () => resolve(nothing))
    })
    const look = async (): Promise<Back> => {
      if ((await this.world.spare(false)) === null) return nothing
      return (await this.spare()).back(lost, this.acked())
    }
    try {
      return await Promise.race([look(), late])
    } catch {
      return nothing
    } finally {
      cancel()
    }
  }

  /** Its code comes when it is needed: no first paint has to wait for it. */
  private async spare(): Promise<Spare> {
    const { Spare } = await import('./spare')
    return new Spare(this.world, this.store)
  }

  private tidy(): void {
    this.tidied = true
    this.later((spare) => spare.tidy(this))
  }

  private async append(line: Line, photos: readonly PhotoRow[], follow?: Follow): Promise<Chain> {
    const stores: StoreName[] = ['meta', 'outbox', 'photos', ...(follow?.stores ?? [])]
    const chain = await this.world.alone(LOCK, LOCK_PATIENCE, () =>
      this.again(async () => {
        const chain = await this.current()
        const n = chain.next
        const hash = await link(this.world, chain.stream, n, chain.head, line.text)
        const next: Chain = { ...chain, next: n + 1, head: hash }
        await this.store.write(stores, async (tx) => {
          const now = await readChain(tx)
          if (now.stream !== chain.stream || now.head !== chain.head || now.next !== n) {
            // After a lost connection this runs again; if the first run was kept, the row is there.
            if ((await tx.objectStore('outbox').get(n))?.hash === hash) return
            throw new Moved()
          }
          const row: Row = { n, id: line.id, at: line.at, line: line.text, previous: chain.head, hash }
          await tx.objectStore('outbox').add(row)
          for (const photo of photos) {
            const held = await tx.objectStore('photos').get(photo.sha256)
            // Refused: of a school that the phone has left, and now of this one too.
            if (held === undefined || held.bytes === null || held.state === 'damaged' || held.state === 'refused') {
              await tx.objectStore('photos').put(photo)
            }
          }
          await follow?.work(tx)
          // What the server acknowledged meanwhile stays; only number and head are this save's.
          await tx.objectStore('meta').put({ ...now, next: n + 1, head: hash }, 'chain')
        })
        this.writeMarker(next)
        return next
      }),
    )
    this.world.tell()
    this.later((spare) => spare.keep(chain.stream, chain.next - 1))
    return chain
  }

  /** The browser may empty the database under an open page; then a new stream begins at once. */
  private async current(): Promise<Chain> {
    const chain = await this.store.read(['meta'], (tx) => tx.objectStore('meta').get('chain'))
    if (chain !== undefined) return chain as Chain
    await this.begin(this.readMark(MARKER))
    return this.store.read(['meta'], readChain)
  }

  /** Without Web Locks two tabs may pick the same number; the transaction lets one win and the other comes again. */
  private async again<T>(work: () => Promise<T>): Promise<T> {
    for (let tries = 0; ; tries++) {
      try {
        return await work()
      } catch (error) {
        if (!(error instanceof Moved) || tries >= 100) throw error
      }
    }
  }

  /** Reads the photos once more and marks those that did not come back whole. */
  private async unreadable(photos: readonly PhotoRow[]): Promise<string[]> {
    const bad: string[] = []
    for (const { sha256: name } of photos) {
      const row = await this.store.read(['photos'], (tx) => tx.objectStore('photos').get(name))
      if (row?.state !== 'waiting' || (await isWhole(this.world, row))) continue
      bad.push(name)
      await this.store.write(['photos'], async (tx) => {
        await tx.objectStore('photos').put({ ...row, state: 'damaged' })
      })
    }
    return bad
  }

  private readMark(key: string): Mark | null {
    try {
      const found = JSON.parse(this.world.recall(key) ?? 'null') as { stream?: unknown; seq?: unknown } | null
      if (typeof found?.stream === 'string' && typeof found.seq === 'number') {
        return { stream: found.stream, seq: found.seq }
      }
    } catch {
      // A marker that cannot be read says nothing.
    }
    return null
  }

  private writeMarker(chain: Chain): void {
    this.world.remember(MARKER, JSON.stringify({ stream: chain.stream, seq: chain.next - 1 }))
  }
}

export async function isWhole(world: World, photo: PhotoRow): Promise<boolean> {
  const { bytes, size, sha256: name } = photo
  if (bytes === null || bytes.byteLength !== size || size === 0) return false
  return (await sha256(world, bytes)) === name
}

async function bring(tx: Writing, { lost, put }: Back): Promise<void> {
  if (lost !== null) await tx.objectStore('meta').put(lost, 'lost')
  await put?.(tx)
}

/** What a server that was old, or had a lower limit, may take by now. */
const AGAIN: ReadonlySet<string> = new Set(['version_unknown', 'kind_unknown', 'shape_invalid', 'line_too_long', 'too_large'])

function mayHelp(row: AsideRow): boolean {
  return AGAIN.has(row.code)
}

export function asideRecord(row: Row, code: string, at: number, onServer: boolean): AsideRow {
  return { key: row.id, what: 'record', id: row.id, code, at, line: row.line, sha256: null, onServer }
}
