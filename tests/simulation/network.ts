/** The way between phones and the server, and everything that goes wrong on it. */
import type { Answer, Request } from '@outbox/world'
import type { Model } from './model'
import type { Reply, Server } from './server'
import type { SimTab } from './tab'
import type { Chance, VirtualTime } from './time'

export const NETWORK_FAULTS = [
  'request lost',
  'answer lost',
  'no answer ever',
  'slow',
  'request twice',
  'request cut',
  'answer cut',
  'portal page',
  'strange status',
  'answer of another request',
  'offline for a while',
  'small bodies only',
  'old server',
] as const
export const SERVER_FAULTS = ['crash before commit', 'crash after commit', 'disk full'] as const
export type RequestFault = (typeof NETWORK_FAULTS)[number] | (typeof SERVER_FAULTS)[number]

const PAGE = '<!doctype html><title>Welcome to the campus network</title>'
const LONGEST_WAIT = 20

export class Network {
  /** Switched on in this run; emptied when the faults stop. */
  on: readonly RequestFault[] = []
  /** Until then nothing comes through for this phone. */
  readonly offline = new Map<unknown, number>()
  downUntil = 0
  smallUntil = 0
  rate = 0.3
  private readonly open = new Set<(why: string) => void>()
  private readonly heard: Answer[] = []
  requests = 0

  constructor(
    private readonly server: Server,
    private readonly model: Model,
    private readonly time: VirtualTime,
    private readonly luck: Chance,
    private readonly name: (tab: SimTab) => string,
  ) {}

  readonly send = (tab: SimTab, path: string, request: Request): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const fail = (why: string) => settle(() => reject(new TypeError(why)), `no answer (${why})`)
      const settle = (how: () => void, said: string) => {
        if (!this.open.delete(fail)) return
        giveUp()
        if (tab.dead) return
        this.tell(tab, `${short(path)} ← ${said}`)
        how()
      }
      const giveUp = this.time.after(request.timeout, () => fail('timeout'))
      this.open.add(fail)
      const answer = (got: Answer) => settle(() => resolve(got), `${got.status} ${summary(got.text)}`)
      this.carry(tab, path, request, answer, fail)
    })

  /** Connections that hang are torn down, as a network that comes back does. */
  reset(): void {
    for (const fail of [...this.open]) this.time.after(this.luck.between(0, 3_000), () => fail('connection reset'))
  }

  private carry(tab: SimTab, path: string, request: Request, answer: (got: Answer) => void, fail: (why: string) => void) {
    const { luck, time } = this
    const fault = this.on.length > 0 && luck.maybe(this.rate) ? luck.one(this.on) : null
    this.tell(tab, `${short(path)} → ${described(request)}${fault === null ? '' : `  [${fault}]`}`)
    const reply = (got: Answer) => void time.after(luck.between(1, 60), () => answer(got))
    const refuse = (why: string) => void time.after(luck.between(1, 30), () => fail(why))
    if ((this.offline.get(tab.disk) ?? 0) > time.now) return refuse('offline')
    if (fault === 'offline for a while') {
      this.offline.set(tab.disk, time.now + luck.between(2_000, 40_000))
      return refuse('offline')
    }
    if (fault === 'small bodies only') this.smallUntil = time.now + luck.between(2_000, 30_000)
    if (this.smallUntil > time.now && sizeOf(request) > 1_400) return reply({ status: 413, retryAfter: null, text: PAGE })
    if (fault === 'request lost') return refuse('request lost')
    if (fault === 'no answer ever') return
    if (fault === 'portal page') return reply({ status: 200, retryAfter: null, text: PAGE })
    if (fault === 'old server') return reply({ status: 404, retryAfter: null, text: PAGE })
    if (fault === 'strange status') return reply(this.strange())
    const cut = fault === 'request cut' ? luck.next() : 1
    const slow = fault === 'slow' ? luck.between(1_000, 50_000) : 0
    const arrive = (last: boolean) => {
      const got = this.handle(tab, path, request, cut, SERVER_FAULTS.find((one) => one === fault) ?? null)
      if (!last) return
      if (got === null || fault === 'request cut') return refuse('connection closed')
      if (fault === 'answer lost') return refuse('answer lost')
      if (fault === 'answer cut') return reply({ ...got, text: got.text.slice(0, luck.below(got.text.length)) })
      if (fault === 'answer of another request' && this.heard.length > 0) return reply(luck.one(this.heard))
      this.heard.push(got)
      time.after(slow / 2, () => reply(got))
    }
    time.after(luck.between(1, 80) + slow / 2, () => arrive(true))
    if (fault === 'request twice') time.after(luck.between(1, 20_000), () => arrive(false))
  }

  private handle(tab: SimTab, path: string, request: Request, cut: number, fault: string | null): Answer | null {
    if (this.downUntil > this.time.now) return null
    this.requests++
    const { body } = request
    const whole = typeof body === 'string' ? Buffer.from(body) : body === undefined ? null : Buffer.from(body)
    const sent = whole === null || cut === 1 ? whole : whole.subarray(0, Math.floor(whole.length * cut))
    const message = { do: 'request', at: this.time.now, method: request.method, path, headers: request.headers, fault }
    const reply = this.server.call<Reply>({ ...message, body: sent === null ? null : sent.toString('base64') })
    this.model.committed(reply.rows)
    if (reply.crashed) {
      this.downUntil = this.time.now + this.luck.between(200, 8_000)
      this.tell(tab, `${short(path)} ✗ the server dies (${fault})`)
      return null
    }
    if (path === '/api/v1/sync' && reply.status === 200 && cut === 1) this.model.announced(String(body))
    return { status: reply.status, retryAfter: reply.retry, text: reply.text }
  }

  private strange(): Answer {
    const { luck } = this
    const wait = String(1 + luck.below(LONGEST_WAIT))
    return luck.one<Answer>([
      { status: 204, retryAfter: null, text: '' },
      { status: 200, retryAfter: null, text: '' },
      { status: 200, retryAfter: null, text: '{"ok":true,"ack":99}' },
      { status: 301, retryAfter: null, text: PAGE },
      { status: 304, retryAfter: null, text: '' },
      { status: 401, retryAfter: null, text: PAGE },
      { status: 403, retryAfter: null, text: PAGE },
      { status: 413, retryAfter: null, text: PAGE },
      { status: 429, retryAfter: wait, text: '{"code":"too_many_tries","status":429}' },
      { status: 500, retryAfter: null, text: PAGE },
      { status: 502, retryAfter: null, text: PAGE },
      { status: 503, retryAfter: wait, text: '{"code":"busy","status":503}' },
    ])
  }

  private tell(tab: SimTab, what: string): void {
    this.model.tell(`${this.name(tab)}: ${what}`)
  }
}

function short(path: string): string {
  return path.replace('/api/v1/', '').replace(/([0-9a-f]{8})[0-9a-f]{56}/, '$1…').replace(/after=.*/, 'after=…')
}

function sizeOf({ body }: Request): number {
  return typeof body === 'string' ? Buffer.byteLength(body) : (body?.byteLength ?? 0)
}

function described(request: Request): string {
  if (typeof request.body !== 'string' || !request.body.startsWith('{"v":1,"request"')) return `${sizeOf(request)} B`
  const { from, count, next, stream } = JSON.parse(request.body.slice(0, request.body.indexOf('\n'))) as Header
  return `stream ${stream.slice(0, 6)} from ${from}, ${count} lines, next ${next}`
}

export interface Header {
  readonly stream: string
  readonly from: number
  readonly count: number
  readonly next: number
}

/** An answer in a few words, without anything that differs from run to run. */
function summary(text: string): string {
  try {
    const found = JSON.parse(text) as Record<string, unknown>
    const said = ['code', 'ack', 'need', 'at', 'durable'].filter((key) => found[key] !== undefined)
    const aside = (found['quarantined'] as unknown[] | undefined)?.length ?? 0
    return [...said.map((key) => `${key} ${String(found[key])}`), ...(aside > 0 ? [`${aside} aside`] : [])].join(', ')
  } catch {
    return text === '' ? 'nothing' : `not JSON, ${text.length} characters`
  }
}
