/** A server in this process that follows PROTOCOL.md and fails as scripted. */
import { hex, toBase64, utf8, ZERO_HASH } from '../chain'
import type { Answer, Request } from '../world'

export type Fault =
  | 'drop'
  | 'answer_lost'
  | 'duplicate'
  | 'cut'
  | 'html_200'
  | 'empty_200'
  | 'none_204'
  | 'other_json'
  | 'wrong_stream'
  | 'wrong_request'
  | 'wrong_hash'
  | 'wrong_signature'
  | 'old_answer'
  | 'beyond'
  | 'low_ack'
  | 'portal_401'
  | 'revoked_401'
  | 'enrolment_401'
  | 'forbidden_403'
  | 'large_413'
  | 'busy_429'
  | 'error_500'
  | 'busy_503'
  | 'fork_409'
  | 'gap_409'

interface Stream {
  readonly lines: string[]
  readonly hashes: string[]
  next: number
}

interface Memory {
  readonly streams: Map<string, Stream>
  /** id → the line, once, whatever number of streams show it. */
  readonly records: Map<string, string>
  readonly photos: Map<string, Uint8Array>
  readonly quarantine: { stream: string; n: number; code: string; line: string }[]
}

const KINDS = new Set(
  'checkpoint round_start round_end finding repair_step correction void sign_in sign_out boot sos'.split(' '),
)

export async function digest(content: string | ArrayBuffer): Promise<string> {
  const bytes = typeof content === 'string' ? utf8(content) : content
  return hex(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)))
}

export class FakeServer {
  memory: Memory = { streams: new Map(), records: new Map(), photos: new Map(), quarantine: [] }
  readonly faults: Fault[] = []
  readonly tokens = new Set(['token-1'])
  generation = 'g1'
  durable = 0
  limit = 512 * 1024
  /** When set, lines of these ids are quarantined with the code. */
  readonly poison = new Map<string, string>()
  retryAfter = '7'
  /** What the log says to the head a phone holds, and the newest head. */
  verdict = 'fits'
  newest: string | null = null
  held: (string | null)[] = []
  /** When set, the answer about heads is one to this other head, given out again by a proxy. */
  answersTo: string | null = null
  /** Rescue codes and the stream that has each. */
  readonly codes = new Map<string, string | null>()
  /** Lines handed over, by stream and number. */
  readonly rescued = new Map<string, string>()
  requests = 0
  private last: Answer | null = null

  private constructor(
    private readonly key: CryptoKey,
    readonly serverKey: string,
  ) {}

  static async make(): Promise<FakeServer> {
    const curve = { name: 'ECDSA', namedCurve: 'P-256' }
    const pair = await crypto.subtle.generateKey(curve, true, ['sign', 'verify'])
    return new FakeServer(pair.privateKey, toBase64(new Uint8Array(await crypto.subtle.exportKey('spki', pair.publicKey))))
  }

  readonly answer = async (path: string, request: Request): Promise<Answer> => {
    this.requests += 1
    const fault = this.faults.shift()
    if (fault === 'drop') throw new TypeError('network')
    const plain = broken(fault, this.retryAfter)
    if (plain !== null) return plain
    if (fault === 'duplicate') await this.handle(path, request)
    const answer = await this.handle(path, request)
    if (fault === 'answer_lost') throw new TypeError('network')
    if (fault === 'cut') return { ...answer, text: answer.text.slice(0, Math.floor(answer.text.length / 2)) }
    const twisted = this.twist(fault, answer)
    if (fault === undefined) this.last = answer
    return twisted
  }

  snapshot(): Memory {
    const { streams, records, photos, quarantine } = this.memory
    const copy = new Map([...streams].map(([id, one]) => [id, { ...one, lines: [...one.lines], hashes: [...one.hashes] }]))
    return { streams: copy, records: new Map(records), photos: new Map(photos), quarantine: [...quarantine] }
  }

  restore(memory: Memory): void {
    this.memory = memory
    this.generation += '+'
  }

  private twist(fault: Fault | undefined, answer: Answer): Answer {
    const change = (part: object) => ({ ...answer, text: JSON.stringify({ ...JSON.parse(answer.text), ...part }) })
    if (fault === 'wrong_stream') return change({ stream: 'f'.repeat(32) })
    if (fault === 'wrong_request') return change({ request: 'another' })
    if (fault === 'wrong_hash') return change({ ack_hash: 'e'.repeat(64) })
    if (fault === 'wrong_signature') return change({ signature: toBase64(new Uint8Array(64)) })
    if (fault === 'beyond') return change({ ack: 1_000_000 })
    if (fault === 'low_ack') return change({ ack: 0, ack_hash: ZERO_HASH })
    if (fault === 'old_answer') return this.last ?? answer
    return answer
  }

  private async handle(path: string, request: Request): Promise<Answer> {
    const token = (request.headers['Authorization'] ?? '').replace('Bearer ', '')
    const body = request.body ?? ''
    const size = typeof body === 'string' ? utf8(body).byteLength : body.byteLength
    if (path === '/api/v1/rescue') return size > this.limit ? problem(413, 'too_large') : this.rescue(String(body))
    if (!this.tokens.has(token)) return problem(401, 'device_revoked')
    if (path === '/api/v1/heads') {
      const { held } = JSON.parse(String(body)) as { held: string | null }
      this.held.push(held)
      return json(200, { held: this.answersTo ?? held, verdict: this.verdict, newest: this.newest })
    }
    if (path === '/api/v1/sync') {
      return size > this.limit ? problem(413, 'too_large') : this.sync(String(body))
    }
    if (path.startsWith('/api/v1/photos/')) return this.photo(path.slice(15), body as ArrayBuffer)
    return problem(404, 'not_found')
  }

  private async photo(name: string, bytes: ArrayBuffer): Promise<Answer> {
    if ((await digest(bytes)) !== name) return problem(422, 'photo_hash_differs')
    const status = this.memory.photos.has(name) ? 200 : 201
    this.memory.photos.set(name, new Uint8Array(bytes.slice(0)))
    return json(status, { sha256: name, size: bytes.byteLength })
  }

  /** A head of the log, signed with the server's key. */
  async head(number: number, hash: string, generation = this.generation, school = 'school-1'): Promise<string> {
    const parts = ['campus-patrol-head', school, generation, '2026-11-22', number, hash]
    const how = { name: 'ECDSA', hash: 'SHA-256' }
    const signature = await crypto.subtle.sign(how, this.key, utf8(parts.join('\0')))
    return [...parts, toBase64(new Uint8Array(signature))].join(' ')
  }

  private async rescue(body: string): Promise<Answer> {
    const [first, ...lines] = body.slice(0, -1).split('\n')
    const header = JSON.parse(first!) as Header & { readonly code: string }
    const { stream, request, from, count, code } = header
    const holder = this.codes.get(code)
    if (holder === undefined) return problem(401, 'rescue_unknown')
    if (holder !== null && holder !== stream) return problem(401, 'rescue_used')
    let head = header.prev
    for (const [i, line] of lines.entries()) {
      head = await digest(`campus-patrol-1\0${stream}\0${from + i}\0${head}\0${line}`)
    }
    if (head !== header.head || lines.length !== count) return problem(422, 'rescue_differs')
    this.codes.set(code, stream)
    const had = this.memory.streams.get(stream)?.lines.length ?? 0
    for (const [i, line] of lines.entries()) this.rescued.set(`${stream}/${from + i}`, line)
    const aside = lines.filter((_, i) => from + i > had).length
    return json(200, { stream, request, from, count, head, aside })
  }

  private async sync(body: string): Promise<Answer> {
    if (!body.endsWith('\n')) return problem(400, 'sync_header_invalid')
    const [first, ...lines] = body.slice(0, -1).split('\n')
    const header = JSON.parse(first!) as Header
    if (lines.length !== header.count) return problem(400, 'sync_header_invalid')
    const { streams } = this.memory
    const stream = streams.get(header.stream) ?? { lines: [], hashes: [], next: 1 }
    streams.set(header.stream, stream)
    stream.next = Math.max(stream.next, header.next)
    const have = stream.lines.length
    if (header.from > have + 1) return problem(409, 'gap', { need: have + 1 })
    if ((header.from === 1 ? ZERO_HASH : stream.hashes[header.from - 2]) !== header.prev) {
      return problem(409, 'fork', { at: header.from })
    }
    const hashes: string[] = []
    let previous = header.prev
    for (const [i, line] of lines.entries()) {
      const n = header.from + i
      previous = await digest(`campus-patrol-1\0${header.stream}\0${n}\0${previous}\0${line}`)
      if (n <= have && stream.hashes[n - 1] !== previous) return problem(409, 'fork', { at: n })
      hashes.push(previous)
    }
    if (previous !== header.head) return problem(409, 'fork', { at: header.from + header.count - 1 })
    const quarantined: { n: number; id: string | null; code: string }[] = []
    for (const [i, line] of lines.entries()) {
      const n = header.from + i
      if (n > have) {
        stream.lines.push(line)
        stream.hashes.push(hashes[i]!)
      }
      const record = JSON.parse(line) as { id: string; kind: string }
      const known = this.memory.records.get(record.id)
      const code =
        known !== undefined && known !== line
          ? 'id_conflict'
          : (this.poison.get(record.id) ?? (KINDS.has(record.kind) ? null : 'kind_unknown'))
      if (code === null) this.memory.records.set(record.id, line)
      else {
        quarantined.push({ n, id: record.id, code })
        if (n > have) this.memory.quarantine.push({ stream: header.stream, n, code, line })
      }
    }
    const ack = Math.min(stream.lines.length, header.next - 1)
    const ack_hash = ack === 0 ? ZERO_HASH : stream.hashes[ack - 1]!
    const server_time = '2026-11-22T15:31:12.000Z'
    const { generation, durable } = this
    const text = ['campus-patrol-ack', header.stream, ack, ack_hash, durable, generation, server_time].join('\0')
    const how = { name: 'ECDSA', hash: 'SHA-256' }
    const signature = toBase64(new Uint8Array(await crypto.subtle.sign(how, this.key, utf8(text))))
    const want_photos = [...this.memory.records.values()]
      .flatMap((line) => (JSON.parse(line) as { photos: { sha256: string }[] }).photos.map((photo) => photo.sha256))
      .filter((name) => !this.memory.photos.has(name))
    const { stream: name, request } = header
    return json(200, {
      stream: name,
      request,
      ack,
      ack_hash,
      durable,
      generation,
      quarantined,
      want_photos,
      server_time,
      signature,
    })
  }
}

export interface Header {
  readonly stream: string
  readonly request: string
  readonly from: number
  readonly count: number
  readonly next: number
  readonly prev: string
  readonly head: string
  readonly signature: string | null
}

export function json(status: number, body: unknown, retryAfter: string | null = null): Answer {
  return { status, retryAfter, text: JSON.stringify(body) }
}

export function problem(status: number, code: string, more: object = {}, retryAfter: string | null = null): Answer {
  return json(status, { code, status, title: code, detail: '', ...more }, retryAfter)
}

function broken(fault: Fault | undefined, retryAfter: string): Answer | null {
  const page = '<!doctype html><title>Welcome to the campus network</title>'
  switch (fault) {
    case 'html_200':
      return { status: 200, retryAfter: null, text: page }
    case 'empty_200':
      return { status: 200, retryAfter: null, text: '' }
    case 'none_204':
      return { status: 204, retryAfter: null, text: '' }
    case 'other_json':
      return json(200, { ok: true, ack: 99 })
    case 'portal_401':
      return { status: 401, retryAfter: null, text: page }
    case 'revoked_401':
      return problem(401, 'device_revoked')
    case 'enrolment_401':
      return problem(401, 'enrolment_used')
    case 'forbidden_403':
      return { status: 403, retryAfter: null, text: page }
    case 'large_413':
      return { status: 413, retryAfter: null, text: page }
    case 'busy_429':
      return problem(429, 'too_many_tries', {}, retryAfter)
    case 'error_500':
      return { status: 500, retryAfter: null, text: page }
    case 'busy_503':
      return problem(503, 'busy', {}, retryAfter)
    case 'fork_409':
      return problem(409, 'fork', { at: 1 })
    case 'gap_409':
      return problem(409, 'gap', { need: 1 })
    default:
      return null
  }
}
