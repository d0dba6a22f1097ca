/**
 * Giving everything to a supervisor when the server does not let this phone in any more. The records go into the
 * server's quarantine; on the phone they stay in the queue until the server has named their very hash, and aside after.
 */
import { ask, isProblem, parse } from './answers'
import { toBase64, utf8 } from './chain'
import type { Chain, DeviceRow, Row, Store } from './db'
import { type Outbox, readChain } from './outbox'
import type { Answer, World } from './world'

const MAX_BYTES = 256 * 1024
const MAX_LINES = 500
const HEADER_SIZE = 1024
const TIMEOUT = 30_000

export type RescueAnswer =
  /** All records are on the server; `undecided` of them were not in its log yet. */
  | { readonly ok: true; readonly records: number; readonly undecided: number }
  | { readonly ok: false; readonly code: string }

interface Held {
  readonly device: DeviceRow | undefined
  readonly chain: Chain
  readonly rows: readonly Row[]
}

export class Rescue {
  constructor(
    private readonly world: World,
    private readonly store: Store,
    private readonly outbox: Outbox,
    private readonly app: string,
  ) {}

  /** A refusal or a fault leaves everything as it was; the same code may be tried again. Rejects with StorageFailed. */
  async handOver(code: string): Promise<RescueAnswer> {
    const tooLarge = new Set<number>()
    let sent = 0
    let undecided = 0
    let most = MAX_LINES
    for (let after = 0, stream: string | null = null; ; ) {
      const { device, chain, rows } = await this.held(after, most)
      if (device === undefined) return { ok: false, code: 'device_unknown' }
      if (stream !== null && stream !== chain.stream) {
        // Another page has taken all records to another stream meanwhile.
        after = sent = undecided = 0
        tooLarge.clear()
        stream = null
        continue
      }
      stream = chain.stream
      if (rows.length === 0) {
        if (sent === 0 && tooLarge.size === 0) return { ok: true, records: 0, undecided: 0 }
        if (await this.outbox.handedOver(chain.stream, chain.head, tooLarge)) return { ok: true, records: sent, undecided }
        continue
      }
      const answer = await this.post(device, code, chain, rows)
      if (answer === 'too_large' && rows.length > 1) {
        most = Math.ceil(rows.length / 2)
        continue
      }
      // A line smaller than the header that always travels with it cannot be what was too large.
      if (answer === 'too_large' && utf8(rows[0]!.line).byteLength > HEADER_SIZE) {
        after = rows[0]!.n
        tooLarge.add(after)
        continue
      }
      if (typeof answer === 'string') return { ok: false, code: answer }
      after = rows[rows.length - 1]!.n
      sent += rows.length
      undecided += answer
    }
  }

  /** The next rows after a number that follow one another, as many as fit into one request. */
  private async held(after: number, most: number): Promise<Held> {
    return this.store.read(['meta', 'outbox', 'device'], async (tx) => {
      const device = (await tx.objectStore('device').get('device')) as DeviceRow | undefined
      const chain = await readChain(tx)
      const found = await tx.objectStore('outbox').getAll(IDBKeyRange.lowerBound(after, true), most)
      const rows: Row[] = []
      let room = MAX_BYTES - HEADER_SIZE
      for (const row of found) {
        const size = utf8(row.line).byteLength + 1
        if (rows.length > 0 && (size > room || row.n !== rows[0]!.n + rows.length)) break
        rows.push(row)
        room -= size
      }
      return { device, chain, rows }
    })
  }

  /** When the server keeps these very lines, how many it had not yet; else why not. */
  private async post(device: DeviceRow, code: string, chain: Chain, rows: readonly Row[]): Promise<number | string> {
    const first = rows[0]!
    const { hash: head } = rows[rows.length - 1]!
    const request = toBase64(this.world.random(12))
    const header = {
      v: 1,
      request,
      stream: chain.stream,
      from: first.n,
      count: rows.length,
      next: chain.next,
      prev: first.previous,
      head,
      device_time: new Date(this.world.now()).toISOString(),
      app: this.app,
      code,
      name: device.device.name,
    }
    const answer = await ask(this.world, '/api/v1/rescue', {
      method: 'POST',
      headers: { Authorization: `Bearer ${device.token}`, 'Content-Type': 'application/x-ndjson' },
      body: [JSON.stringify(header), ...rows.map((row) => row.line)].map((line) => `${line}\n`).join(''),
      timeout: TIMEOUT,
    })
    return judge(answer, chain.stream, request, head)
  }
}

function judge(answer: Answer | null, stream: string, request: string, head: string): number | string {
  if (answer === null) return 'no_network'
  const body = parse(answer.text)
  if (answer.status !== 200) return isProblem(body) ? body.code : 'not_our_server'
  const kept = body as { stream?: unknown; request?: unknown; head?: unknown; aside?: unknown } | null
  const mine = kept?.stream === stream && kept.request === request && kept.head === head
  return mine && typeof kept.aside === 'number' ? kept.aside : 'not_our_server'
}
