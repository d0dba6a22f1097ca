/**
 * One try at bringing the queue to the server: batches, judging answers, photos. When to try is decided in triggers.ts.
 * Nothing leaves the queue here except by the server's own receipt for it.
 */
import { fromBase64, toBase64, utf8, ZERO_HASH } from './chain'
import { ask, isProblem, isSyncAnswer, type Outcome, parse, type Problem, refusal, type SyncAnswer } from './answers'
import type { Chain, DeviceRow, Row, Store, Writing } from './db'
import { type Outbox, readChain } from './outbox'
import { Photos, type Progress } from './photos'
import type { LastTry, Receipt } from './types'
import type { Answer, World } from './world'

const MAX_BYTES = 256 * 1024
const MAX_LINES = 500
/** Room a batch leaves for the header line. */
const HEADER_SIZE = 1024
const SYNC_TIMEOUT = 30_000
const DAY = 24 * 3_600_000
/** Rows on the server and in its backup stay this long, for tonight's progress and list. */
const KEEP_ROWS = 2 * DAY
/** Answers in one run that bring nothing further (halving, going back, moving) before it is left for later. */
const MAX_DETOURS = 24

const OK: Outcome = { outcome: 'ok', status: 200, code: null, retryAfter: 0 }

interface Plan {
  /** Read together with the rows: after a change of schools no old record may travel with the new token. */
  readonly device: DeviceRow
  readonly chain: Chain
  readonly rows: readonly Row[]
  readonly request: string
  readonly from: number
}

export class Sync {
  private maxLines = MAX_LINES
  /** Id of a line that was once refused for its size. */
  private suspect: string | null = null
  private readonly photos: Photos

  constructor(
    private readonly world: World,
    private readonly store: Store,
    private readonly outbox: Outbox,
    private readonly app: string,
    private readonly show: (progress: Progress) => void,
  ) {
    this.photos = new Photos(world, store, outbox, show)
  }

  /**
   * Sends until the server has everything or something stands in the way; always asks at least once, since the answer
   * may say that the server went back in time. Rejects only with StorageFailed. Returns null when not enrolled.
   * `renew` is called before each request.
   */
  async run(renew: () => Promise<void> = async () => {}): Promise<Outcome | null> {
    await this.outbox.open()
    this.maxLines = MAX_LINES
    const tried = new Set<string>()
    let sent = 0
    try {
      for (let patience = MAX_DETOURS; patience > 0; ) {
        const plan = await this.plan()
        if (plan === 'not_enrolled') return null
        if (plan === 'moved') {
          patience--
          continue
        }
        const waiting = plan.chain.next - 1 - plan.chain.acked
        if (waiting > 0) this.show({ done: sent, total: sent + waiting })
        await renew()
        const step = await this.judge(plan, await this.post(plan))
        if (step.outcome !== null) return step.outcome
        sent += step.acked
        if (step.acked === 0) patience--
        if (!step.done) continue
        const photos = await this.photos.send(step.wanted, tried, renew)
        if (photos.outcome !== null) return photos.outcome
        // Anything sent or reported after the last answer deserves one more, so that the figures are the server's.
        if (photos.worked || !(await this.isQuiet())) continue
        await this.thin()
        return OK
      }
      return { outcome: 'refused', status: null, code: 'no_progress', retryAfter: 0 }
    } finally {
      this.show(null)
    }
  }

  /** The code for it may not be there; the next time will do. */
  private async thin(): Promise<void> {
    const code = await import('./thin').catch(() => null)
    await code?.thin(this.world, this.store)
  }

  private async isQuiet(): Promise<boolean> {
    const chain = await this.store.read(['meta'], readChain)
    return chain.acked === chain.next - 1
  }

  /** The next batch; 'moved' when a hole was found and the rows were taken to a new stream. */
  private async plan(): Promise<Plan | 'moved' | 'not_enrolled'> {
    const [device, chain, found] = await this.store.read(['meta', 'outbox', 'device'], async (tx) => {
      const device = (await tx.objectStore('device').get('device')) as DeviceRow | undefined
      const chain = await readChain(tx)
      const from = chain.acked + 1
      const range = IDBKeyRange.bound(from, Math.max(from, chain.next - 1))
      return [device, chain, await tx.objectStore('outbox').getAll(range, this.maxLines)] as const
    })
    if (device === undefined) return 'not_enrolled'
    const rows: Row[] = []
    let room = MAX_BYTES - HEADER_SIZE
    for (const row of found) {
      const size = utf8(row.line).byteLength + 1
      if (row.n !== chain.acked + 1 + rows.length || (rows.length > 0 && size > room)) break
      rows.push(row)
      room -= size
    }
    if (rows.length === 0 && chain.acked < chain.next - 1) {
      // A row the chain speaks of is gone, so this stream can never be completed from here.
      await this.outbox.move(chain.stream)
      return 'moved'
    }
    return { device, chain, rows, request: toBase64(this.world.random(12)), from: chain.acked + 1 }
  }

  private async post(plan: Plan): Promise<Answer | null> {
    const { device, chain, rows, from, request } = plan
    const prev = rows[0]?.previous ?? chain.head
    const head = rows[rows.length - 1]?.hash ?? prev
    const deviceTime = new Date(this.world.now()).toISOString()
    const signed = [chain.stream, request, from, rows.length, chain.next, prev, head, deviceTime].join('\0')
    const header = {
      v: 1,
      request,
      stream: chain.stream,
      from,
      count: rows.length,
      next: chain.next,
      prev,
      head,
      device_time: deviceTime,
      persisted: (await this.world.persisted()) === true,
      quota: await this.world.estimate(),
      app: this.app,
      signature: await this.sign(`campus-patrol-sync\0${signed}`),
    }
    return ask(this.world, '/api/v1/sync', {
      method: 'POST',
      headers: { Authorization: `Bearer ${device.token}`, 'Content-Type': 'application/x-ndjson' },
      body: [JSON.stringify(header), ...rows.map((row) => row.line)].map((line) => `${line}\n`).join(''),
      timeout: SYNC_TIMEOUT,
    })
  }

  private async sign(text: string): Promise<string | null> {
    const key = await this.store.read(['device'], (tx) => tx.objectStore('device').get('key'))
    if (key === undefined || this.world.subtle === null) return null
    try {
      const algorithm = { name: 'ECDSA', hash: 'SHA-256' }
      return toBase64(new Uint8Array(await this.world.subtle.sign(algorithm, key as CryptoKey, utf8(text))))
    } catch {
      // A key that no longer works must not hold up the records.
      return null
    }
  }

  private async judge(plan: Plan, answer: Answer | null): Promise<Step> {
    if (answer === null) return this.refuse(plan, null, null)
    const body = parse(answer.text)
    if (answer.status === 200) {
      if (!isSyncAnswer(body) || body.stream !== plan.chain.stream || body.request !== plan.request) {
        return stop('portal', 200, null)
      }
      return this.accept(plan, body)
    }
    const problem = isProblem(body) ? body : null
    const { chain, from } = plan
    if (answer.status === 409 && problem?.code === 'fork') return this.leave(chain)
    if (answer.status === 409 && problem?.code === 'gap') return this.goBack(chain, from, problem.need)
    if (answer.status === 413 && plan.rows.length > 1) {
      this.maxLines = Math.floor(plan.rows.length / 2)
      return GO_ON
    }
    if (answer.status === 413 && plan.rows.length === 1) return this.single(plan, answer, problem)
    return this.refuse(plan, answer, problem)
  }

  private async refuse(plan: Plan, answer: Answer | null, problem: Problem | null): Promise<Step> {
    return { ...GO_ON, outcome: await refusal(this.world, this.store, plan.device.token, answer, problem) }
  }

  private async accept(plan: Plan, body: SyncAnswer): Promise<Step> {
    // Beyond what I announced it cannot speak of my records, whatever hash comes with it.
    if (body.ack > plan.chain.next - 1) return stop('refused', 200, 'ack_beyond')
    const verified = await this.verify(plan.device, body)
    const now = this.world.now()
    const { ack, ack_hash, durable, generation, server_time, signature, stream } = body
    const receipt: Receipt = { stream, ack, ack_hash, durable, generation, server_time, signature, verified, at: now }
    const result = await this.store.write(['meta', 'outbox', 'aside', 'photos'], async (tx) => {
      const chain = await readChain(tx)
      if (chain.stream !== stream) return 'stale'
      if ((await hashAt(tx, chain, ack)) !== ack_hash) return 'foreign'
      for (const { n, code } of body.quarantined) {
        const row = await tx.objectStore('outbox').get(n)
        if (row === undefined || n > ack || isStub(row)) continue
        const { id, line } = row
        await tx.objectStore('aside').put({
          key: id,
          what: 'record',
          id,
          code,
          at: now,
          line,
          sha256: null,
          onServer: true,
        })
      }
      const next: Chain = {
        ...chain,
        acked: ack,
        durable: Math.min(ack, durable),
        generation,
        safeAt: ack === chain.next - 1 ? now : chain.safeAt,
        moves: 0,
      }
      if (verified !== false) {
        if (chain.generation !== null && chain.generation !== generation) await offerAgain(tx)
        await forget(tx, next, now - KEEP_ROWS)
      }
      await tx.objectStore('meta').put(next, 'chain')
      await tx.objectStore('meta').put(receipt, `receipt:${stream}`)
      await tx.objectStore('meta').delete('stopped')
      return next
    })
    if (result === 'stale') return GO_ON
    if (result === 'foreign') return this.leave(plan.chain)
    this.outbox.acknowledged(stream, plan.chain.acked, ack)
    this.world.tell()
    // Sent something and nothing was taken, without a reason: asking again at once would only make noise.
    if (plan.rows.length > 0 && ack === plan.chain.acked) return stop('refused', 200, 'nothing_stored')
    const acked = Math.max(0, ack - plan.chain.acked)
    return { outcome: null, done: ack === result.next - 1, wanted: body.want_photos, acked }
  }

  /** The server speaks of another history than mine: take all records to a stream of my own. */
  private async leave(chain: Chain): Promise<Step> {
    const patience = chain.moves === 0 ? 0 : Math.min(300_000, 1_000 * 2 ** chain.moves)
    const waited = this.world.now() - chain.made
    // A stream from the future was made before the clock was put back; waiting for that day would be for years.
    if (waited >= 0 && waited < patience) return stop('refused', 409, 'fork')
    await this.outbox.move(chain.stream)
    return GO_ON
  }

  private async goBack(chain: Chain, from: number, need: unknown): Promise<Step> {
    if (typeof need !== 'number' || !Number.isInteger(need) || need < 1 || need >= from) {
      return stop('refused', 409, 'gap')
    }
    const have = await this.store.write(['meta', 'outbox'], async (tx) => {
      const now = await readChain(tx)
      if (now.stream !== chain.stream) return true
      if ((await tx.objectStore('outbox').get(need)) === undefined) return false
      await tx.objectStore('meta').put({ ...now, acked: Math.min(now.acked, need - 1) }, 'chain')
      return true
    })
    if (!have) return this.leave(chain)
    this.outbox.acknowledged(chain.stream, chain.acked, need - 1)
    return GO_ON
  }

  /**
   * One line alone was too large. It is surely the line's fault only when an empty request passes, the line fails
   * again, and it is larger than the header that always travels with it: a proxy may say 413 for reasons of its own.
   */
  private async single(plan: Plan, refused: Answer, problem: Problem | null): Promise<Step> {
    const row = plan.rows[0]!
    if (utf8(row.line).byteLength <= HEADER_SIZE) return this.refuse(plan, refused, problem)
    const empty: Plan = { ...plan, rows: [], request: toBase64(this.world.random(12)) }
    const { chain, from } = plan
    const prev = row.previous
    const answer = await this.post({ ...empty, chain: { ...chain, head: prev } })
    const body = answer?.status === 200 ? parse(answer.text) : null
    if (!isSyncAnswer(body) || body.request !== empty.request || body.stream !== chain.stream) {
      return this.refuse(plan, refused, problem)
    }
    if (this.suspect !== row.id) this.suspect = row.id
    else await this.outbox.move(chain.stream, { park: from })
    return GO_ON
  }

  /** Whether our server signed it; null when there is nothing to check it with. */
  private async verify(device: DeviceRow, body: SyncAnswer): Promise<boolean | null> {
    const { subtle } = this.world
    if (device.serverKey === null || subtle === null) return null
    const { stream, ack, ack_hash, durable, generation, server_time } = body
    const text = ['campus-patrol-ack', stream, ack, ack_hash, durable, generation, server_time].join('\0')
    const curve = { name: 'ECDSA', namedCurve: 'P-256' }
    let key: CryptoKey
    try {
      key = await subtle.importKey('spki', fromBase64(device.serverKey), curve, false, ['verify'])
    } catch {
      return null
    }
    try {
      return await subtle.verify({ name: 'ECDSA', hash: 'SHA-256' }, key, fromBase64(body.signature), utf8(text))
    } catch {
      return false
    }
  }
}

interface Step {
  /** null: go on. */
  readonly outcome: Outcome | null
  readonly done: boolean
  readonly wanted: readonly string[]
  readonly acked: number
}

const GO_ON: Step = { outcome: null, done: false, wanted: [], acked: 0 }

function stop(outcome: LastTry['outcome'], status: number | null, code: string | null): Step {
  return { ...GO_ON, outcome: { outcome, status, code, retryAfter: 0 } }
}

function isStub(row: Row): boolean {
  return row.line.startsWith('{"v":1,"kind":"parked"')
}

/** My own hash at `n`, or null when I cannot know it any more. */
async function hashAt(tx: Writing, chain: Chain, n: number): Promise<string | null> {
  if (n === 0) return ZERO_HASH
  if (n === chain.next - 1) return chain.head
  const outbox = tx.objectStore('outbox')
  return (await outbox.get(n))?.hash ?? (await outbox.get(n + 1))?.previous ?? null
}

/**
 * The server was put back, and photos that came since are gone from it. It asks only for those of the stream it is
 * talking of, not for those of an older one whose records moved here.
 */
async function offerAgain(tx: Writing): Promise<void> {
  const photos = tx.objectStore('photos')
  for (const name of await photos.index('state').getAllKeys('stored')) {
    await photos.put({ ...(await photos.get(name))!, state: 'waiting' })
  }
}

/** The only place where rows leave the phone: acknowledged with my hash, in a verified backup, and old. */
async function forget(tx: Writing, chain: Chain, before: number): Promise<void> {
  const safe = Math.min(chain.acked, chain.durable)
  if (safe < 1) return
  let cursor = await tx.objectStore('outbox').openCursor(IDBKeyRange.upperBound(safe))
  while (cursor !== null && cursor.value.at < before) {
    await cursor.delete()
    cursor = await cursor.continue()
  }
}
