/** The way between phones and the server, and everything that goes wrong on it. */
import type { Answer, Request } from '@outbox/world'
import type { Model } from './model'
import type { Replies, Reply, Server } from './server'
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
  'newer server',
  'two at once',
] as const
export const SERVER_FAULTS = ['crash before commit', 'crash halfway', 'crash after commit', 'disk full'] as const
export type RequestFault = (typeof NETWORK_FAULTS)[number] | (typeof SERVER_FAULTS)[number]

const PAGE = '<!doctype html><title>Welcome to the campus network</title>'
const LONGEST_WAIT = 20
/** More statements than any request needs: a crash halfway may come too late. */
const STATEMENTS = 24

/** A request on its way to the server. */
interface Coming {
  readonly tab: SimTab
  readonly path: string
  readonly request: Request
  readonly fault: RequestFault | null
  /** How much of the body comes through. */
  readonly cut: number
  /** null: the server was not there, or died. */
  readonly answered: (got: Answer | null) => void
}

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
  private readonly coming = new Set<Coming>()
  requests = 0
  /** How often each fault struck. */
  readonly struck: Record<string, number> = {}

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
    if (fault !== null) this.struck[fault] = (this.struck[fault] ?? 0) + 1
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
    if (fault === 'old server' && luck.maybe(0.5)) {
      return reply({ status: 404, retryAfter: null, text: luck.maybe(0.5) ? PAGE : '{"code":"not_found","status":404}' })
    }
    if (fault === 'strange status') return reply(this.strange())
    const slow = fault === 'slow' ? luck.between(1_000, 50_000) : 0
    const answered = (got: Answer | null) => {
      if (got === null || fault === 'request cut') return refuse('connection closed')
      if (fault === 'answer lost') return refuse('answer lost')
      if (fault === 'answer cut') return reply({ ...got, text: got.text.slice(0, luck.below(got.text.length)) })
      if (fault === 'answer of another request' && this.heard.length > 0) return reply(luck.one(this.heard))
      if (fault === 'old server' && !path.endsWith('/enrol')) return reply(withoutOne(got, luck))
      this.heard.push(got)
      time.after(slow / 2, () => reply(fault === 'newer server' ? withMore(got) : got))
    }
    const once: Coming = { tab, path, request, fault, cut: fault === 'request cut' ? luck.next() : 1, answered }
    this.coming.add(once)
    time.after(luck.between(1, 80) + slow / 2, () => this.arrive(once))
    if (fault === 'request twice') {
      const again = { ...once, answered: () => {} }
      this.coming.add(again)
      time.after(luck.between(1, 20_000), () => this.arrive(again))
    }
  }

  /** Unless it came already, at once with another. */
  private arrive(one: Coming): void {
    if (!this.coming.delete(one)) return
    if (this.downUntil > this.time.now) return one.answered(null)
    const other = one.fault === 'two at once' ? this.beside(one) : null
    if (other !== null) this.coming.delete(other)
    const fault = SERVER_FAULTS.find((name) => name === one.fault || name === other?.fault) ?? null
    const queued = other !== null && isSync(one) && isSync(other) && this.luck.maybe(0.7)
    const { rows, meanwhile, ...reply } = this.server.call<Replies>({
      do: 'request',
      at: this.time.now,
      asked: asked(one),
      fault,
      step: this.luck.below(STATEMENTS),
      meanwhile: other === null ? null : asked(other),
      queued,
    })
    this.model.committed(rows)
    if (other !== null) {
      this.tell(other.tab, `${short(other.path)} is inside the server at once with that of ${this.name(one.tab)}`)
      if (queued) this.struck['one commit for two'] = (this.struck['one commit for two'] ?? 0) + 1
      this.settle(other, meanwhile!, fault)
    }
    this.settle(one, reply, fault)
  }

  /** Another request that is on its way, or the same once more. */
  private beside(one: Coming): Coming {
    const others = [...this.coming]
    return others.length > 0 && this.luck.maybe(0.8) ? this.luck.one(others) : { ...one, answered: () => {} }
  }

  private settle(one: Coming, { crashed, status, retry, text }: Reply, fault: string | null): void {
    this.requests++
    if (crashed) {
      this.downUntil = this.time.now + this.luck.between(200, 8_000)
      this.tell(one.tab, `${short(one.path)} ✗ the server dies (${fault})`)
      return one.answered(null)
    }
    if (isSync(one) && status === 200) {
      if (one.cut === 1) this.model.announced(String(one.request.body))
      this.model.receipt(text)
    }
    one.answered({ status, retryAfter: retry, text })
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

function isSync({ path }: Coming): boolean {
  return path === '/api/v1/sync'
}

function asked({ path, request: { method, headers, body }, cut }: Coming): object {
  const whole = typeof body === 'string' ? Buffer.from(body) : body === undefined ? null : Buffer.from(body)
  const sent = whole === null || cut === 1 ? whole : whole.subarray(0, Math.floor(whole.length * cut))
  return { method, path, headers, body: sent === null ? null : sent.toString('base64') }
}

/** What a version said that did not know one of the fields yet. */
function withoutOne(got: Answer, luck: Chance): Answer {
  const body = fields(got.text)
  if (body === null) return got
  delete body[luck.one(Object.keys(body))]
  return { ...got, text: JSON.stringify(body) }
}

/** What a version says that knows more than this phone. */
function withMore(got: Answer): Answer {
  const body = fields(got.text)
  if (body === null) return got
  const aside = body['quarantined']
  if (Array.isArray(aside)) body['quarantined'] = aside.map((one: object) => ({ ...one, hint: 'ask the supervisor' }))
  return { ...got, text: JSON.stringify({ ...body, later: { kept_until: 2099 }, notes: ['新'] }) }
}

function fields(text: string): Record<string, unknown> | null {
  try {
    const found: unknown = JSON.parse(text)
    return typeof found === 'object' && found !== null ? (found as Record<string, unknown>) : null
  } catch {
    return null
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
