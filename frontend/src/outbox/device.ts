/** What the phone is to the server: enrolment, token, key, the offline pack, and who holds the phone. */
import { toBase64, utf8 } from './chain'
import type { DeviceRow, Store, StoreName, Tries, Verifier, Writing } from './db'
import type { Outbox } from './outbox'
import type { Device, Pack, School } from './types'
import type { Answer, World } from './world'

const ENROL_TIMEOUT = 30_000
const PACK_TIMEOUT = 60_000
/** A guard stands in the dark and waits; after this the verifier on the phone decides. */
const PIN_TIMEOUT = 6_000
const ITERATIONS = 150_000
const FREE_TRIES = 3
const FIRST_WAIT = 5_000
const LONGEST_WAIT = 15 * 60_000

export type EnrolAnswer =
  | { readonly ok: true; readonly device: Device; readonly school: School }
  | { readonly ok: false; readonly code: string }

export type PinAnswer =
  | { readonly ok: true; readonly verified: boolean }
  | { readonly ok: false; readonly reason: 'wrong' }
  | { readonly ok: false; readonly reason: 'wait'; readonly until: number }

interface Keys {
  readonly privateKey: CryptoKey
  /** SPKI, base64. */
  readonly publicKey: string
}

interface Json {
  readonly status: number
  readonly body: Record<string, unknown> | null
  readonly retryAfter: string | null
}

export class Enrolment {
  constructor(
    private readonly world: World,
    private readonly store: Store,
    private readonly outbox: Outbox,
    private readonly app: string,
  ) {}

  async current(): Promise<DeviceRow | null> {
    const row = await this.store.read(['device'], (tx) => tx.objectStore('device').get('device'))
    return (row as DeviceRow | undefined) ?? null
  }

  /**
   * Trades the one-time code for a token. Records that wait stay and go on under the new token; when the phone changes
   * schools they are put aside instead, for another school may not see them. Rejects with StorageFailed.
   */
  async enrol(code: string, name: string): Promise<EnrolAnswer> {
    const keys = await this.makeKeys()
    const body = { code, name, public_key: keys?.publicKey ?? null, app: this.app }
    const answer = await this.call('POST', '/api/v1/enrol', ENROL_TIMEOUT, body, null)
    if (answer === null) return { ok: false, code: 'no_network' }
    if (answer.status !== 201) return { ok: false, code: problemCode(answer) ?? 'no_network' }
    const found = answer.body as { device?: Device; token?: string; server_key?: string | null; pack?: Pack } | null
    const { device, token, pack, server_key: serverKey = null } = found ?? {}
    if (typeof device?.id !== 'string' || typeof token !== 'string' || !isPack(pack)) {
      return { ok: false, code: 'no_network' }
    }
    const row: DeviceRow = { device, school: pack.school, token, serverKey }
    const before = await this.current()
    // What came back after the database was lost has its school too.
    const school = before?.school.id ?? (await this.store.read(['meta'], (tx) => tx.objectStore('meta').get('school')))
    const other = school !== undefined && school !== pack.school.id
    const stores: StoreName[] = ['meta', 'device', 'pack', 'photos']
    const work = async (tx: Writing): Promise<void> => {
      if (other) {
        // Verifiers, the old key, and above all photos that belong to another school.
        await tx.objectStore('device').clear()
        for (const photo of await tx.objectStore('photos').index('state').getAll('waiting')) {
          await tx.objectStore('photos').put({ ...photo, state: 'refused' })
        }
      }
      await tx.objectStore('device').put(row, 'device')
      if (keys === null) await tx.objectStore('device').delete('key')
      else await tx.objectStore('device').put(keys.privateKey, 'key')
      await tx.objectStore('pack').put(pack, 'current')
      await tx.objectStore('meta').delete('stopped')
      await tx.objectStore('meta').delete('school')
    }
    if (other) await this.outbox.leaveSchool({ stores, work })
    else {
      const data = { reason: 'enrolled', app: this.app }
      await this.outbox.note('boot', { data, ref: null }, { stores, work })
    }
    return { ok: true, device, school: pack.school }
  }

  async storedPack(): Promise<Pack | null> {
    return (await this.store.read(['pack'], (tx) => tx.objectStore('pack').get('current'))) ?? null
  }

  /** The new pack, or null when nothing changed; 'failed' keeps the old one. Rejects with StorageFailed. */
  async fetchPack(): Promise<Pack | null | 'failed'> {
    const [device, held] = [await this.current(), await this.storedPack()]
    if (device === null) return 'failed'
    const after = held === null ? '' : `?after=${encodeURIComponent(held.cursor)}`
    const answer = await this.call('GET', `/api/v1/pack${after}`, PACK_TIMEOUT, null, device.token)
    if (answer?.status !== 200) return 'failed'
    if (answer.body?.['unchanged'] === true) return null
    const pack: unknown = answer.body
    if (!isPack(pack)) return 'failed'
    return this.store.write(['device', 'pack'], async (tx) => {
      const now = (await tx.objectStore('device').get('device')) as DeviceRow | undefined
      // Enrolled elsewhere while this answer was under way; or a proxy has mixed up two phones' answers.
      if (now?.token !== device.token || now.school.id !== pack.school.id) return 'failed'
      await tx.objectStore('pack').put(pack, 'current')
      await tx.objectStore('device').put({ ...now, school: pack.school }, 'device')
      return pack
    })
  }

  /**
   * Who holds the phone. The server decides when it can be reached, else the verifier of an earlier success.
   * With neither the answer is yes, unverified: a PIN is attribution and must never keep a guard from his round.
   */
  async checkPin(person: string, pin: string): Promise<PinAnswer> {
    const tries = await this.countTry(person)
    if (tries.until > this.world.now()) return { ok: false, reason: 'wait', until: tries.until }
    const device = await this.current()
    const answer =
      device === null
        ? null
        : await this.call('POST', '/api/v1/pin', PIN_TIMEOUT, { person, pin }, device.token)
    if (answer?.status === 200 && answer.body?.['verified'] === true) {
      await this.remember(person, pin)
      return { ok: true, verified: true }
    }
    const code = answer === null ? null : problemCode(answer)
    if (answer?.status === 403 && code === 'wrong_pin') {
      await this.forgetStale(person, pin)
      return { ok: false, reason: 'wrong' }
    }
    if (answer?.status === 429 && code !== null) {
      const seconds = Number(answer.retryAfter)
      const wait = Math.min(LONGEST_WAIT, Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : FIRST_WAIT)
      return { ok: false, reason: 'wait', until: this.world.now() + wait }
    }
    const known = await this.knows(person, pin)
    if (known === false) return { ok: false, reason: 'wrong' }
    await this.forgive(person)
    return { ok: true, verified: known === true }
  }

  /** What the verifier on the phone says; null when there is none. */
  private async knows(person: string, pin: string): Promise<boolean | null> {
    const row = await this.store.read(['device'], (tx) => tx.objectStore('device').get(`verifier:${person}`))
    if (row === undefined || this.world.subtle === null) return null
    const { salt, iterations, hash } = row as Verifier
    return toBase64(await this.stretch(pin, salt, iterations)) === toBase64(hash)
  }

  /** The server refuses a PIN that the phone knows: it was changed on the desk. A mere slip leaves the verifier. */
  private async forgetStale(person: string, pin: string): Promise<void> {
    if ((await this.knows(person, pin)) !== true) return
    await this.store.write(['device'], (tx) => tx.objectStore('device').delete(`verifier:${person}`))
  }

  /** Counts the try before it is judged, so that reloading the page wins nothing. */
  private countTry(person: string): Promise<Tries> {
    const key = `tries:${person}`
    return this.store.write(['device'], async (tx) => {
      const now = this.world.now()
      const before = ((await tx.objectStore('device').get(key)) as Tries | undefined) ?? { wrong: 0, until: 0 }
      // A wait beyond the longest would come from a clock that was put back.
      const until = Math.min(before.until, now + LONGEST_WAIT)
      if (until > now) return { wrong: before.wrong, until }
      const wrong = before.wrong + 1
      const wait = wrong < FREE_TRIES ? 0 : Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** (wrong - FREE_TRIES))
      await tx.objectStore('device').put({ wrong, until: now + wait }, key)
      return { wrong, until: 0 }
    })
  }

  private async forgive(person: string): Promise<void> {
    await this.store.write(['device'], (tx) => tx.objectStore('device').delete(`tries:${person}`))
  }

  private async remember(person: string, pin: string): Promise<void> {
    if (this.world.subtle === null) return this.forgive(person)
    const salt = this.world.random(16)
    const verifier: Verifier = { salt, hash: await this.stretch(pin, salt, ITERATIONS), iterations: ITERATIONS }
    await this.store.write(['device'], async (tx) => {
      await tx.objectStore('device').put(verifier, `verifier:${person}`)
      await tx.objectStore('device').delete(`tries:${person}`)
    })
  }

  private async stretch(pin: string, salt: Uint8Array<ArrayBuffer>, iterations: number): Promise<Uint8Array<ArrayBuffer>> {
    const subtle = this.world.subtle!
    const secret = await subtle.importKey('raw', utf8(pin), 'PBKDF2', false, ['deriveBits'])
    const how = { name: 'PBKDF2', hash: 'SHA-256', salt, iterations }
    return new Uint8Array(await subtle.deriveBits(how, secret, 256))
  }

  /** null when this browser can make no key or cannot keep one: then the token alone speaks for the phone. */
  private async makeKeys(): Promise<Keys | null> {
    const { subtle } = this.world
    if (subtle === null) return null
    try {
      const curve = { name: 'ECDSA', namedCurve: 'P-256' }
      const pair = await subtle.generateKey(curve, false, ['sign', 'verify'])
      const publicKey = toBase64(new Uint8Array(await subtle.exportKey('spki', pair.publicKey)))
      await this.store.write(['device'], async (tx) => {
        await tx.objectStore('device').put(pair.privateKey, 'trial')
        await tx.objectStore('device').delete('trial')
      })
      return { privateKey: pair.privateKey, publicKey }
    } catch {
      return null
    }
  }

  private async call(
    method: 'GET' | 'POST',
    path: string,
    timeout: number,
    body: object | null,
    token: string | null,
  ): Promise<Json | null> {
    const headers: Record<string, string> = { Accept: 'application/json' }
    if (body !== null) headers['Content-Type'] = 'application/json'
    if (token !== null) headers['Authorization'] = `Bearer ${token}`
    let answer: Answer
    try {
      const content = body === null ? {} : { body: JSON.stringify(body) }
      answer = await this.world.fetch(path, { method, headers, timeout, ...content })
    } catch {
      return null
    }
    try {
      const found: unknown = JSON.parse(answer.text)
      const whole = typeof found === 'object' && found !== null ? (found as Record<string, unknown>) : null
      return { status: answer.status, body: whole, retryAfter: answer.retryAfter }
    } catch {
      // Not ours: a portal or a proxy.
      return null
    }
  }
}

function problemCode(answer: Json): string | null {
  const code = answer.body?.['code']
  return typeof code === 'string' ? code : null
}

function isPack(value: unknown): value is Pack {
  const pack = value as Partial<Pack> | null | undefined
  return (
    typeof pack?.cursor === 'string' &&
    typeof pack.school?.id === 'string' &&
    [pack.people, pack.buildings, pack.places, pack.tags, pack.routes, pack.questions].every(Array.isArray)
  )
}
