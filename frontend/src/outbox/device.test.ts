// @vitest-environment node
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { fromBase64, utf8 } from './chain'
import type { DeviceRow } from './db'
import { Enrolment } from './device'
import { bytesOf, openTab, putDevice, type Tab } from './testing/phone'
import { FakeServer, json, problem } from './testing/server'
import { Profile } from './testing/world'
import type { Pack } from './types'
import type { Answer, Request } from './world'

const PIN = '482913'
let server: FakeServer
let tab: Tab
let enrolment: Enrolment
let answer: (path: string, request: Request) => Answer

function pack(school = 'school-1', cursor = 'c1'): Pack {
  return {
    cursor,
    made_at: '2026-11-22T15:00:00Z',
    school: { id: school, name: '育才中学', zone: 'Asia/Shanghai', language: 'zh-CN' },
    people: [{ id: 'p1', name: '王师傅', role: 'guard' }],
    buildings: [],
    places: [],
    tags: [],
    routes: [],
    questions: [],
    findings: [],
  }
}

function welcome(school = 'school-1', token = 'token-1'): Answer {
  return json(201, { device: { id: 'd1', name: '门卫一号' }, token, server_key: server.serverKey, pack: pack(school) })
}

function offline(): Answer {
  throw new TypeError('no network')
}

async function start(profile: Profile, seed: number): Promise<void> {
  tab = await openTab(server, profile, seed, false)
  enrolment = new Enrolment(tab.world, tab.store, tab.outbox, '1.0.0')
  vi.spyOn(tab.world, 'fetch').mockImplementation(async (path, request) => answer(path, request))
}

beforeEach(async () => {
  server = await FakeServer.make()
  answer = offline
  await start(new Profile(), 1)
})
afterEach(() => vi.restoreAllMocks())

test('enrolment keeps device, token, server key and pack, and tells with which key the phone signs', async () => {
  let sent: Record<string, string> = {}
  answer = (path, request) => {
    expect(path).toBe('/api/v1/enrol')
    expect(request.headers['Authorization']).toBeUndefined()
    sent = JSON.parse(String(request.body)) as Record<string, string>
    return welcome()
  }
  const result = await enrolment.enrol('ABC', '门卫一号')
  expect(result).toMatchObject({ ok: true, device: { id: 'd1' }, school: { id: 'school-1' } })
  expect(sent).toMatchObject({ code: 'ABC', name: '门卫一号', app: '1.0.0' })
  expect((await enrolment.storedPack())?.cursor).toBe('c1')
  expect(JSON.parse((await tab.lines())[1]!)).toMatchObject({ kind: 'boot', data: { reason: 'enrolled' } })

  vi.mocked(tab.world.fetch).mockImplementation(server.answer)
  await tab.sync.run()
  const body = String(vi.mocked(tab.world.fetch).mock.calls.find(([path]) => path === '/api/v1/sync')![1].body)
  const header = JSON.parse(body.split('\n')[0]!) as Record<string, unknown>
  const { stream, request, from, count, next, prev, head, device_time, signature } = header
  const text = ['campus-patrol-sync', stream, request, from, count, next, prev, head, device_time].join('\0')
  const curve = { name: 'ECDSA', namedCurve: 'P-256' }
  const key = await crypto.subtle.importKey('spki', fromBase64(sent['public_key']!), curve, false, ['verify'])
  const how = { name: 'ECDSA', hash: 'SHA-256' }
  expect(await crypto.subtle.verify(how, key, fromBase64(String(signature)), utf8(text))).toBe(true)
})

test('the private key cannot be taken out', async () => {
  answer = () => welcome()
  await enrolment.enrol('ABC', '门卫一号')
  const key = (await tab.store.read(['device'], (tx) => tx.objectStore('device').get('key'))) as CryptoKey
  expect(key.extractable).toBe(false)
  await expect(crypto.subtle.exportKey('pkcs8', key)).rejects.toThrow()
})

test('a browser that cannot keep a key is enrolled without one', async () => {
  const original = IDBObjectStore.prototype.put
  vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(function (this: IDBObjectStore, value, key) {
    if (value instanceof CryptoKey) throw new DOMException('cannot be cloned', 'DataCloneError')
    return original.call(this, value, key)
  })
  answer = (_, request) => {
    expect(JSON.parse(String(request.body))).toMatchObject({ public_key: null })
    return welcome()
  }
  expect(await enrolment.enrol('ABC', '门卫一号')).toMatchObject({ ok: true })
  vi.mocked(tab.world.fetch).mockImplementation(server.answer)
  expect((await tab.sync.run())?.outcome).toBe('ok')
})

test('a refused or cut enrolment changes nothing and says why', async () => {
  for (const [said, code] of [
    [problem(401, 'enrolment_expired'), 'enrolment_expired'],
    [problem(429, 'too_many_tries'), 'too_many_tries'],
    [{ status: 201, retryAfter: null, text: '{"device":{"id":"d1"' }, 'no_network'],
    [json(201, { device: { id: 'd1', name: 'x' }, token: 't', server_key: null, pack: {} }), 'no_network'],
    [{ status: 200, retryAfter: null, text: '<html>' }, 'no_network'],
  ] as const) {
    answer = () => said
    expect(await enrolment.enrol('ABC', 'x')).toEqual({ ok: false, code })
    expect(await enrolment.current()).toBeNull()
  }
  answer = offline
  expect(await enrolment.enrol('ABC', 'x')).toEqual({ ok: false, code: 'no_network' })
})

test('enrolled again in the same school, the queue goes on', async () => {
  answer = () => welcome()
  await enrolment.enrol('ABC', 'x')
  const saved = await tab.check('r1')
  const { stream } = await tab.chain()
  answer = () => welcome('school-1', 'token-2')
  await enrolment.enrol('DEF', 'x')
  server.tokens.add('token-2')
  server.tokens.delete('token-1')
  vi.mocked(tab.world.fetch).mockImplementation(server.answer)
  expect((await tab.sync.run())?.outcome).toBe('ok')
  expect((await tab.chain()).stream).toBe(stream)
  expect(server.memory.records.has(saved.id)).toBe(true)
})

test('a refusal of the old token that comes after the new enrolment stops nothing', async () => {
  await putDevice(tab.store, server, 'old')
  let enrolled: Promise<unknown> | null = null
  answer = () => welcome()
  vi.mocked(tab.world.fetch).mockImplementation(async (path, request) => {
    if (path !== '/api/v1/sync' || request.headers['Authorization'] !== 'Bearer old') return answer(path, request)
    enrolled = enrolment.enrol('ABC', '门卫一号')
    await enrolled
    return problem(401, 'device_revoked')
  })
  const outcome = await tab.sync.run()
  expect(enrolled).not.toBeNull()
  expect(outcome?.status).not.toBe(401)
  expect((await tab.outbox.counts()).stopped).toBeNull()
})

test('in another school no record and no photo of the first is sent, and none is thrown away', async () => {
  answer = () => welcome()
  await enrolment.enrol('ABC', 'x')
  const photo = await tab.outbox.photo(bytesOf('of the first school'), 'image/jpeg')
  const secret = await tab.check('secret', [photo])
  answer = () => welcome('school-2', 'token-2')
  await enrolment.enrol('DEF', 'x')
  const other = await FakeServer.make()
  other.tokens.add('token-2')
  vi.mocked(tab.world.fetch).mockImplementation(other.answer)
  const open = await tab.check('open')
  expect((await tab.sync.run())?.outcome).toBe('ok')
  expect(other.memory.records.has(open.id)).toBe(true)
  expect(other.memory.records.has(secret.id)).toBe(false)
  expect(other.memory.photos.size).toBe(0)
  const aside = await tab.outbox.asideItems()
  expect(aside.find((one) => one.id === secret.id)).toMatchObject({ code: 'other_school', onServer: false })
  expect(await (await tab.outbox.exportFile()).blob.text()).toContain(secret.id)
})

test('the pack is replaced only by a whole one of ours', async () => {
  answer = () => welcome()
  await enrolment.enrol('ABC', 'x')
  const foreign = json(200, pack('school-2', 'c2'))
  for (const bad of [foreign, json(200, { cursor: 'c2' }), { status: 200, retryAfter: null, text: '{"cursor":' }, problem(503, 'busy')]) {
    answer = () => bad
    expect(await enrolment.fetchPack()).toBe('failed')
  }
  answer = (path, request) => {
    expect(path).toBe('/api/v1/pack?after=c1')
    expect(request.headers['Authorization']).toBe('Bearer token-1')
    return json(200, { cursor: 'c1', unchanged: true })
  }
  expect(await enrolment.fetchPack()).toBeNull()
  answer = () => json(200, pack('school-1', 'c2'))
  expect(await enrolment.fetchPack()).toMatchObject({ cursor: 'c2' })
  expect((await enrolment.storedPack())?.cursor).toBe('c2')
})

async function enrolled(): Promise<void> {
  answer = () => welcome()
  await enrolment.enrol('ABC', 'x')
  answer = offline
}

const right = () => json(200, { verified: true })

test('a PIN the server knows is verified, and afterwards offline too', async () => {
  await enrolled()
  answer = (path, request) => {
    expect(path).toBe('/api/v1/pin')
    expect(JSON.parse(String(request.body))).toEqual({ person: 'p1', pin: PIN })
    return right()
  }
  expect(await enrolment.checkPin('p1', PIN)).toEqual({ ok: true, verified: true })
  answer = offline
  expect(await enrolment.checkPin('p1', PIN)).toEqual({ ok: true, verified: true })
  expect(await enrolment.checkPin('p1', '000000')).toEqual({ ok: false, reason: 'wrong' })
})

test('without network and without an earlier success the guard may work, unverified', async () => {
  await enrolled()
  for (let i = 0; i < 9; i++) {
    expect(await enrolment.checkPin('p2', PIN)).toEqual({ ok: true, verified: false })
  }
  answer = () => ({ status: 200, retryAfter: null, text: '<html>portal</html>' })
  expect(await enrolment.checkPin('p2', PIN)).toEqual({ ok: true, verified: false })
})

test('wrong tries wait longer and longer, through reloads, and only for that person', async () => {
  await enrolled()
  answer = right
  await enrolment.checkPin('p1', PIN)
  answer = offline
  const waits: number[] = []
  for (let i = 0; i < 16; i++) {
    const said = await enrolment.checkPin('p1', '000000')
    if (said.ok || said.reason === 'wrong') continue
    waits.push(said.until - tab.world.time)
    const { time, profile } = tab.world
    await start(profile, 100 + i)
    tab.world.time = time
    expect(await enrolment.checkPin('p1', PIN)).toMatchObject({ ok: false, reason: 'wait' })
    expect(await enrolment.checkPin('p2', PIN)).toMatchObject({ ok: true })
    tab.world.time = said.until
  }
  expect(waits.length).toBeGreaterThan(4)
  for (let i = 1; i < waits.length; i++) expect(waits[i]!).toBeGreaterThan(waits[i - 1]!)
  tab.world.time += 15 * 60_000
  expect(await enrolment.checkPin('p1', PIN)).toEqual({ ok: true, verified: true })
  expect(await enrolment.checkPin('p1', '000000')).toEqual({ ok: false, reason: 'wrong' })
})

test('a PIN changed on the desk makes the phone forget the old one', async () => {
  await enrolled()
  answer = right
  await enrolment.checkPin('p1', PIN)
  answer = () => problem(403, 'wrong_pin')
  expect(await enrolment.checkPin('p1', PIN)).toEqual({ ok: false, reason: 'wrong' })
  answer = offline
  expect(await enrolment.checkPin('p1', PIN)).toEqual({ ok: true, verified: false })
})

test('a slip of the finger online does not open the phone offline', async () => {
  await enrolled()
  answer = right
  await enrolment.checkPin('p1', PIN)
  answer = () => problem(403, 'wrong_pin')
  expect(await enrolment.checkPin('p1', '000000')).toEqual({ ok: false, reason: 'wrong' })
  answer = offline
  expect(await enrolment.checkPin('p1', '000000')).toEqual({ ok: false, reason: 'wrong' })
})

test('the server’s throttle is passed on', async () => {
  await enrolled()
  answer = () => problem(429, 'too_many_tries', {}, '30')
  expect(await enrolment.checkPin('p1', PIN)).toEqual({ ok: false, reason: 'wait', until: tab.world.time + 30_000 })
})

test('neither token nor PIN is written anywhere a record goes', async () => {
  await enrolled()
  answer = right
  await enrolment.checkPin('p1', PIN)
  await tab.outbox.save({ kind: 'sign_in', person: 'p1', tag: null, data: { verified: true } })
  const names = ['meta', 'outbox', 'photos', 'aside', 'drafts', 'pack'] as const
  const [records, device] = await tab.store.read([...names, 'device'], async (tx) => {
    const all = []
    for (const name of names) all.push(await tx.objectStore(name).getAll())
    return [JSON.stringify(all), await tx.objectStore('device').getAll()] as const
  })
  expect(records).toContain('sign_in')
  expect(records).not.toMatch(/token-1|482913/)
  expect(JSON.stringify(device)).not.toContain(PIN)
  expect((device as DeviceRow[]).some((row) => row.token === 'token-1')).toBe(true)
  expect([...tab.world.profile.memory.values()].join()).not.toMatch(/token-1|482913/)
  expect(await (await tab.outbox.exportFile()).blob.text()).not.toMatch(/token-1|482913/)
})
