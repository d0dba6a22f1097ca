/** Record lines: written once here, read back for the lists, and never serialised again. */
import { link, newId, sha256, utf8, ZERO_HASH } from './chain'
import type { AsideRow, Chain, Row } from './db'
import type { Kind, NewRecord, PhotoRef, RecordView } from './types'
import type { World } from './world'

export interface Line {
  readonly id: string
  readonly at: number
  readonly text: string
}

export class Writer {
  /** The monotonic clock starts anew with each page. */
  private readonly page: string

  constructor(
    private readonly world: World,
    private readonly app: string,
  ) {
    this.page = newId(world)
  }

  line(kind: Kind, record: Omit<NewRecord, 'kind'>, photos: readonly PhotoRef[]): Line {
    const id = newId(this.world)
    const at = this.world.now()
    const text = JSON.stringify({
      v: 1,
      kind,
      id,
      person: record.person,
      tag: record.tag,
      at: new Date(at).toISOString(),
      zone: this.world.zone(),
      elapsed: Math.round(this.world.elapsed()),
      boot: this.page,
      data: record.data,
      photos,
      ref: record.ref ?? null,
    })
    return { id, at, text }
  }

  /** Why a stream begins, and which one it follows. */
  boot(reason: string, before: { stream: string; next: number } | null): Line {
    const data = { reason, app: this.app, ...(before === null ? {} : { before }) }
    return this.line('boot', { person: null, tag: null, data }, [])
  }

  /** Stands in the chain for a line that is too large for the server. */
  async stub(row: Row): Promise<Line> {
    const bytes = utf8(row.line)
    const data = { reason: 'too_large', size: bytes.byteLength, sha256: await sha256(this.world, bytes) }
    return this.line('parked', { person: null, tag: null, data, ref: row.id }, [])
  }
}

/** The lines as rows of a stream that begins with them. */
export async function chainUp(world: World, stream: string, lines: readonly Line[]): Promise<Row[]> {
  const rows: Row[] = []
  let previous = ZERO_HASH
  for (const { id, at, text } of lines) {
    const n = rows.length + 1
    const hash = await link(world, stream, n, previous, text)
    rows.push({ n, id, at, line: text, previous, hash })
    previous = hash
  }
  return rows
}

/** NDJSON: a header, every line held; a second header, every line aside; a last line with the signed heads kept. */
export function exportText(
  chain: Chain,
  rows: readonly Row[],
  aside: readonly AsideRow[],
  heads: readonly string[],
  made: string,
  app: string,
): string {
  const { stream, next, head, acked } = chain
  const from = rows[0]?.n ?? next
  const header = { v: 1, export: 'outbox', made, stream, from, count: rows.length, next, acked, head, app }
  const kept = aside.filter((row) => row.line !== null)
  const reasons = kept.map(({ id, code, onServer }) => ({ id, code, onServer }))
  const lines = [
    JSON.stringify({ ...header, prev: rows[0]?.previous ?? head }),
    ...rows.map((row) => row.line),
    JSON.stringify({ v: 1, export: 'aside', count: kept.length, reasons }),
    ...kept.map((row) => row.line),
    JSON.stringify({ v: 1, export: 'heads', heads }),
  ]
  return lines.map((line) => `${line}\n`).join('')
}

export function view(row: Row, acked: number, code: string | null): RecordView {
  const state = code !== null ? 'aside' : row.n <= acked ? 'safe' : 'waiting'
  const base = { id: row.id, n: row.n, at: new Date(row.at).toISOString(), state, code } as const
  const { kind, person, tag, ref, data, photos } = JSON.parse(row.line) as RecordView
  return { ...base, kind, person, tag, ref, data, photos }
}
