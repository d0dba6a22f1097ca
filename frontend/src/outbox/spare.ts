/**
 * A second copy of what the server does not have yet, in another storage of the browser than the database. It is a
 * bonus: written after the tick, never waited for, and read only when the database was lost or went back in time.
 *
 * One entry holds rows of one stream as they stand in the queue and is named after the last of them, so that an
 * acknowledgement knows the names it sets free without looking; another kind of entry holds a photo. An entry of
 * all that waited at a time has a name of its own kind, so that no single row is ever put in its place.
 */
import { link, utf8 } from './chain'
import type { Chain, DeviceRow, Lost, PhotoRow, PhotoState, Row, Store, Writing } from './db'
import type { Line } from './lines'
import { asideRecord, isWhole, type Mark, type Outbox, readChain } from './outbox'
import type { PhotoRef } from './types'
import type { SpareStore, World } from './world'

/** What was found in the spare copy and is not in the database. */
export interface Back {
  /** Older than the records in the database, in their order. */
  readonly before: readonly Line[]
  readonly behind: readonly Line[]
  /** Puts the rest into the same transaction: photos, records of another school, the school that these are for. */
  readonly put: ((tx: Writing) => Promise<void>) | null
  readonly lost: Lost | null
  /** What the server is told that the stream came to: what came back after that is not missed. */
  readonly next: number
}

interface Head {
  readonly stream: string
  /** When that stream began. */
  readonly made: number
  readonly school: string | null
  readonly rows: readonly Omit<Row, 'line'>[]
  readonly photo?: Omit<PhotoRow, 'bytes' | 'state'>
}

interface Entry extends Head {
  readonly body: ArrayBuffer
}

interface Held {
  readonly chain: Chain | undefined
  readonly school: string | null
  /** Not acknowledged yet. */
  readonly waiting: readonly Row[]
  /** Of every record, aside or not. */
  readonly ids: ReadonlySet<string>
  readonly photos: ReadonlyMap<string, PhotoState>
}

const PHOTO = 'photo'
/** Names in a cache are addresses; the number is that of the shape of an entry. */
const PATH = '/spare-1/'

/** A cache of this origin, as storage. */
export function spareIn(cache: Cache): SpareStore {
  return {
    names: async () => (await cache.keys()).map(({ url }) => url.split(PATH)[1]!),
    take: async (name) => (await (await cache.match(PATH + name))?.arrayBuffer()) ?? null,
    put: (name, bytes) => cache.put(PATH + name, new Response(bytes)),
    remove: (name) => cache.delete(PATH + name),
  }
}

function rowName(stream: string, n: number): string {
  return `${stream}/${n}`
}

function allName(stream: string, n: number): string {
  return `${stream}/${n}+`
}

function photoName(sha256: string): string {
  return `${PHOTO}/${sha256}`
}

export class Spare {
  constructor(
    private readonly world: World,
    private readonly store: Store,
  ) {}

  /** Copies one saved record and those of its photos that wait. */
  async keep(stream: string, n: number): Promise<void> {
    const [chain, row, photos, school] = await this.store.read(['meta', 'outbox', 'photos', 'device'], async (tx) => {
      const row = await tx.objectStore('outbox').get(n)
      const photos: PhotoRow[] = []
      for (const { sha256 } of row === undefined ? [] : photosOf(row.line)) {
        const photo = await tx.objectStore('photos').get(sha256)
        if (photo?.state === 'waiting') photos.push(photo)
      }
      return [await readChain(tx), row, photos, await schoolOf(tx)] as const
    })
    // Moved to another stream, which is copied as a whole, or on the server already.
    if (row === undefined || chain.stream !== stream || n <= chain.acked) return
    const spare = await this.world.spare(true)
    if (spare === null) return
    await putRows(spare, rowName(stream, n), chain, school, [row])
    for (const photo of photos) await putPhoto(spare, chain, school, photo)
  }

  /** The server has them now. */
  async acknowledged(stream: string, from: number, to: number): Promise<void> {
    if (to > from) {
      const numbers = Array.from({ length: to - from }, (_, i) => from + 1 + i)
      await this.remove(numbers.flatMap((n) => [rowName(stream, n), allName(stream, n)]))
    }
  }

  async stored(sha256: string): Promise<void> {
    await this.remove([photoName(sha256)])
  }

  private async remove(names: readonly string[]): Promise<void> {
    const spare = await this.world.spare(false)
    if (spare !== null) await Promise.all(names.map((name) => spare.remove(name)))
  }

  /**
   * Makes the copy fit the database: brings back what only the copy has, adds what it lacks, takes out the rest.
   * The names are read before the database: whatever another page copies meanwhile is left alone.
   */
  async tidy(outbox: Outbox): Promise<void> {
    const there = await this.world.spare(false)
    const names = new Set(await there?.names())
    const { chain, school, waiting, photos } = await this.held()
    if (chain === undefined) return
    if ([...names].some((name) => isStrange(name, chain, photos))) {
      const back = await this.back(null, outbox.acked())
      // The new stream is copied by a tidy of its own; until then everything stays.
      if (back.put !== null) return outbox.take(chain.stream, back)
    }
    const missing = [...photos].filter(([name, state]) => state === 'waiting' && !names.has(photoName(name)))
    const { stream } = chain
    // The newest entry of all has what waited then; what came later stands in entries of its own.
    const newest = Math.max(0, ...waiting.map(({ n }) => n).filter((n) => names.has(allName(stream, n))))
    const whole = waiting.every(({ n }) => n <= newest || names.has(rowName(stream, n)))
    if (!whole || missing.length > 0) {
      const spare = await this.world.spare(true)
      if (spare === null) return
      if (!whole) await putRows(spare, allName(stream, chain.next - 1), chain, school, waiting)
      for (const [name] of missing) {
        const photo = await this.store.read(['photos'], (tx) => tx.objectStore('photos').get(name))
        if (photo?.bytes != null) await putPhoto(spare, chain, school, photo)
      }
    }
    const later = waiting.filter(({ n }) => n > newest).map(({ n }) => rowName(stream, n))
    const needed = new Set(whole ? [allName(stream, newest), ...later] : [allName(stream, chain.next - 1)])
    await this.remove(
      [...names].filter((name) => {
        if (name.startsWith(PHOTO)) return photos.get(name.slice(PHOTO.length + 1)) !== 'waiting'
        return !needed.has(name)
      }),
    )
  }

  /**
   * Reads the whole copy and leaves out what is broken or known. `marked` is what the phone's marker says of a database
   * that was lost; without it the newest entry speaks for it.
   */
  async back(marked: Lost | null, acked: Mark | null): Promise<Back> {
    const held = await this.held()
    const spare = await this.world.spare(false)
    const entries: Entry[] = []
    for (const name of (await spare?.names()) ?? []) {
      const bytes = await spare!.take(name)
      const entry = bytes === null ? null : unpack(bytes)
      if (entry !== null) entries.push(entry)
    }
    const latest = marked?.stream ?? held.chain?.stream
    const streams = entries.filter(({ photo }) => photo === undefined)
    // A stream's own time orders streams, but a clock may have been put back: what was written last is known anyway.
    streams.sort((one, other) => Number(one.stream === latest) - Number(other.stream === latest) || one.made - other.made)
    const found = new Map<string, { row: Row; of: Entry }>()
    for (const of of streams) {
      for (const row of await this.rows(of)) if (!found.has(row.id)) found.set(row.id, { row, of })
    }
    const all = [...found.values()].filter(({ row }) => !held.ids.has(row.id))
    const order = (stream: string) => streams.findIndex((one) => one.stream === stream)
    all.sort((one, other) => order(one.of.stream) - order(other.of.stream) || one.row.n - other.row.n)

    const newestRow = all[all.length - 1]
    const pictures = entries.filter(({ photo }) => photo !== undefined)
    const schools = [...pictures, ...all.map(({ of }) => of)].map((of) => of.school)
    const school = held.school ?? schools.reduce((older, newer) => newer ?? older, null)
    const mine = all.filter(({ of }) => of.school === null || of.school === school)
    const at = this.world.now()
    const isBehind = ({ stream, made }: Head) =>
      held.chain !== undefined && (stream === held.chain.stream || made > held.chain.made)
    const told = marked ?? (newestRow === undefined ? null : { stream: newestRow.of.stream, records: 0, at })
    const newest = [...found.values()].filter(({ of }) => of.stream === told?.stream).map(({ row }) => row.n)
    const lost = told && { ...told, records: Math.max(told.records, ...newest) }
    const safe = lost !== null && acked?.stream === lost.stream ? acked.seq : 0
    const aside = all.filter((one) => !mine.includes(one)).map(({ row }) => asideRecord(row, 'other_school', at, false))
    const photos = await this.photos(pictures, mine.map(({ row }) => row), school, held)
    const put = async (tx: Writing): Promise<void> => {
      for (const photo of photos) {
        if ((await tx.objectStore('photos').get(photo.sha256)) === undefined) await tx.objectStore('photos').put(photo)
      }
      for (const row of aside) await tx.objectStore('aside').put(row)
      if (school !== null) await tx.objectStore('meta').put(school, 'school')
    }
    const { missing, last } = count(lost, safe, held, [...found.values()])
    return {
      before: mine.filter(({ of }) => !isBehind(of)).map(({ row }) => lineOf(row)),
      behind: mine.filter(({ of }) => isBehind(of)).map(({ row }) => lineOf(row)),
      put: all.length + photos.length > 0 ? put : null,
      lost: lost && { ...lost, back: mine.filter(({ row, of }) => of.stream !== lost.stream || row.n > safe).length, missing },
      next: last + 1,
    }
  }

  /** The rows of an entry that are exactly as they were written. */
  private async rows({ stream, rows, body }: Entry): Promise<Row[]> {
    const lines = new TextDecoder().decode(body).split('\n')
    const good: Row[] = []
    for (const [i, head] of rows.entries()) {
      const line = lines[i] ?? ''
      try {
        const { id } = JSON.parse(line) as { id: unknown }
        if (id !== head.id || (await link(this.world, stream, head.n, head.previous, line)) !== head.hash) continue
        good.push({ ...head, line })
      } catch {
        // Half written, or spoilt: what stands beside it may still be good.
      }
    }
    return good
  }

  /** Photos that are whole; and those that records name and nobody has any more, as lost. */
  private async photos(pictures: Entry[], rows: Row[], school: string | null, held: Held): Promise<PhotoRow[]> {
    const found = new Map<string, PhotoRow>()
    for (const { photo, body, school: of } of pictures) {
      if (held.photos.has(photo!.sha256)) continue
      // Kept back, as those of a school that the phone has left.
      const state = of === null || of === school ? 'waiting' : 'refused'
      const row: PhotoRow = { ...photo!, bytes: body, state }
      if (await isWhole(this.world, row)) found.set(row.sha256, row)
    }
    for (const { id, at, line } of rows) {
      for (const { sha256, size } of photosOf(line)) {
        if (held.photos.has(sha256) || found.has(sha256)) continue
        found.set(sha256, { sha256, size, type: 'image/jpeg', bytes: null, state: 'lost', record: id, at })
      }
    }
    return [...found.values()]
  }

  private held(): Promise<Held> {
    return this.store.read(['meta', 'outbox', 'aside', 'photos', 'device'], async (tx) => {
      const chain = (await tx.objectStore('meta').get('chain')) as Chain | undefined
      const rows = await tx.objectStore('outbox').getAll()
      const aside = await tx.objectStore('aside').getAll()
      const photos = new Map<string, PhotoState>()
      for (const state of ['waiting', 'stored', 'damaged', 'lost', 'refused', 'dropped'] as const) {
        for (const name of await tx.objectStore('photos').index('state').getAllKeys(state)) photos.set(name, state)
      }
      return {
        chain,
        school: await schoolOf(tx),
        waiting: rows.filter(({ n }) => chain !== undefined && n > chain.acked),
        ids: new Set([...rows, ...aside].map(({ id }) => id)),
        photos,
      }
    })
  }
}

/** How many numbers behind those that the server has are missed still, and the last of them. */
function count(lost: Lost | null, acked: number, { chain }: Held, found: readonly { row: Row; of: Entry }[]) {
  const numbers = new Set(found.filter(({ of }) => of.stream === lost?.stream).map(({ row }) => row.n))
  const first = 1 + (chain !== undefined && chain.stream === lost?.stream ? Math.max(acked, chain.next - 1) : acked)
  let [missing, last] = [0, acked]
  for (let n = first; n <= (lost?.records ?? 0); n++) {
    if (numbers.has(n)) continue
    missing++
    last = n
  }
  return { missing, last }
}

/** Whether an entry speaks of something that the database knows nothing of. */
function isStrange(name: string, { stream, next }: Chain, photos: ReadonlyMap<string, PhotoState>): boolean {
  const [of, rest = ''] = name.split('/')
  if (of === PHOTO) return !photos.has(rest)
  return of !== stream || parseInt(rest) >= next
}

async function schoolOf(tx: {
  objectStore(name: 'meta' | 'device'): { get(key: string): Promise<unknown> }
}): Promise<string | null> {
  const device = (await tx.objectStore('device').get('device')) as DeviceRow | undefined
  return device?.school.id ?? ((await tx.objectStore('meta').get('school')) as string | undefined) ?? null
}

function photosOf(line: string): readonly PhotoRef[] {
  return (JSON.parse(line) as { photos: readonly PhotoRef[] }).photos
}

function lineOf({ id, at, line }: Row): Line {
  return { id, at, text: line }
}

async function putRows(
  spare: SpareStore,
  name: string,
  chain: Chain,
  school: string | null,
  rows: readonly Row[],
): Promise<void> {
  const { stream, made } = chain
  const heads = rows.map(({ n, id, at, previous, hash }) => ({ n, id, at, previous, hash }))
  const body = utf8(rows.map(({ line }) => line).join('\n'))
  await spare.put(name, pack({ stream, made, school, rows: heads }, body))
}

async function putPhoto(spare: SpareStore, chain: Chain, school: string | null, row: PhotoRow): Promise<void> {
  const { sha256, size, type, record, at, bytes } = row
  const head: Head = { stream: chain.stream, made: chain.made, school, rows: [], photo: { sha256, size, type, record, at } }
  await spare.put(photoName(sha256), pack(head, new Uint8Array(bytes!)))
}

/** One line of JSON that says what it is, and behind it the bytes themselves. */
function pack(head: Head, body: Uint8Array): ArrayBuffer {
  const first = utf8(`${JSON.stringify(head)}\n`)
  const bytes = new Uint8Array(first.length + body.length)
  bytes.set(first)
  bytes.set(body, first.length)
  return bytes.buffer
}

function unpack(bytes: ArrayBuffer): Entry | null {
  const end = new Uint8Array(bytes).indexOf(10)
  try {
    const head = JSON.parse(new TextDecoder().decode(bytes.slice(0, Math.max(0, end)))) as Partial<Head> | null
    if (typeof head?.stream !== 'string' || !Array.isArray(head.rows)) return null
    return { ...(head as Head), body: bytes.slice(end + 1) }
  } catch {
    return null
  }
}
