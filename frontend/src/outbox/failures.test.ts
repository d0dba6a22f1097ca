// @vitest-environment node
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { openPhone, type Phone } from './index'
import { NAME } from './db'
import { bytesOf, checkpoint, openTab } from './testing/phone'
import { FakeServer, json, problem } from './testing/server'
import { Profile, seeded, settled, TabWorld } from './testing/world'
import type { Answer, Request } from './world'

const YEAR = 365 * 24 * 3_600_000
const ALL_SENT = { ready: true, waiting: 0, photosWaiting: 0, trouble: null }
let server: FakeServer
let profile: Profile

beforeEach(async () => {
  server = await FakeServer.make()
  profile = new Profile()
})
afterEach(() => vi.restoreAllMocks())

/** The server with its calls for enrolment, pack and PIN, all of which the records' fake leaves out. */
async function answer(server: FakeServer, path: string, request: Request): Promise<Answer> {
  const school = { id: 'school-1', name: '育才中学', zone: 'Asia/Shanghai', language: 'zh-CN' }
  const lists = { people: [], buildings: [], places: [], tags: [], routes: [], questions: [], findings: [] }
  const pack = { cursor: 'c1', made_at: '2026-11-22T15:00:00Z', school, ...lists }
  if (path === '/api/v1/enrol') {
    const device = { id: 'd1', name: '门卫一号' }
    return json(201, { device, token: 'token-1', server_key: server.serverKey, pack })
  }
  if (path.startsWith('/api/v1/pack')) return json(200, pack)
  if (path === '/api/v1/pin') {
    const { pin } = JSON.parse(String(request.body)) as { pin: string }
    return pin === '482913' ? json(200, { verified: true }) : problem(403, 'wrong_pin')
  }
  return server.answer(path, request)
}

async function enrolled(seed = 1, at = profile): Promise<{ phone: Phone; world: TabWorld }> {
  const mine = server
  const world = new TabWorld(at, (path, request) => answer(mine, path, request), seed)
  const phone = await openPhone(world)
  if (!phone.state.enrolled) expect(await phone.enrol('7K3Q9ZX0A1-SECRET', '门卫一号')).toMatchObject({ ok: true })
  return { phone, world }
}

const offline = () => Promise.reject(new TypeError('no network'))

/** Ids of the checkpoints that the server holds, each as often as it holds it. */
function delivered(): string[] {
  const lines = [...server.memory.streams.values()].flatMap((stream) => stream.lines)
  const records = lines.map((line) => JSON.parse(line) as { id: string; kind: string })
  return records.filter(({ kind }) => kind === 'checkpoint').map(({ id }) => id)
}

type Call = (this: unknown, ...asked: unknown[]) => unknown
const CALLS: readonly (readonly [unknown, string])[] = [
  [IDBFactory.prototype, 'open'],
  [IDBDatabase.prototype, 'transaction'],
  [IDBObjectStore.prototype, 'add'],
  [IDBObjectStore.prototype, 'put'],
  [IDBObjectStore.prototype, 'get'],
  [IDBObjectStore.prototype, 'getAll'],
  [IDBObjectStore.prototype, 'count'],
  [IDBIndex.prototype, 'getAll'],
]

/** Every `every`-th call of the database throws, whatever it is; a connection that has thrown never works again. */
function failEvery(every: number, name: string): { stop: () => void; thrown: () => number } {
  const lost = new WeakSet<object>()
  let calls = 0
  let thrown = 0
  const undo = CALLS.map(([owner, method]) => {
    const methods = owner as Record<string, Call>
    const original = methods[method]!
    methods[method] = function (...asked) {
      const connection = this instanceof IDBDatabase ? this : this instanceof IDBObjectStore ? this.transaction.db : null
      const gone = this === connection && connection !== null && lost.has(connection)
      if (++calls % every !== 0 && !gone) return original.apply(this, asked)
      if (connection !== null) lost.add(connection)
      thrown += 1
      throw new DOMException('Connection to Indexed Database server lost. Refresh the page to try again', name)
    }
    return () => void (methods[method] = original)
  })
  return { stop: () => undo.forEach((call) => call()), thrown: () => thrown }
}

for (const name of ['InvalidStateError', 'UnknownError', 'AbortError', 'TransactionInactiveError']) {
  test(`${name} at every n-th call of the database loses no ticked record, doubles none, and needs no reload`, async () => {
    let ticks = 0
    let reds = 0
    for (let every = 3; every <= 42; every += 3) {
      server = await FakeServer.make()
      const { phone, world } = await enrolled(every, new Profile())
      phone.start()
      await settled()
      const broken = failEvery(every, name)
      const ticked: string[] = []
      let red = 0
      for (let i = 0; i < 12; i++) {
        const photos = i % 4 === 0 ? [await phone.photo(bytesOf(`photo ${i}`), 'image/jpeg')] : []
        await phone.save(checkpoint(`r${i}`, photos), photos).then(
          ({ id }) => ticked.push(id),
          () => (red += 1),
        )
        await world.advance(5_000)
      }
      broken.stop()
      expect(broken.thrown()).toBeGreaterThan(3)
      // The same page goes on by itself.
      ticked.push((await phone.save(checkpoint('last'))).id)
      await world.advance(120_000)
      await vi.waitFor(() => expect(phone.state).toMatchObject(ALL_SENT))
      const there = delivered()
      expect(new Set(there).size, `every ${every}`).toBe(there.length)
      expect(ticked.filter((id) => !there.includes(id)), `every ${every}`).toEqual([])
      // One that was red may have been kept all the same, never more than that.
      expect(there.length).toBeLessThanOrEqual(ticked.length + red)
      ticks += ticked.length
      reds += red
      phone.stop()
    }
    expect(ticks).toBeGreaterThan(100)
    expect(reds).toBeGreaterThan(0)
  }, 30_000)
}

/** Every stored value of every database, as text in which bytes can be searched. */
async function everythingStored(): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  const db = await new Promise<IDBDatabase>((resolve, reject) => {
    const request = profile.indexedDB.open(NAME)
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
  const latin = new TextDecoder('latin1')
  const bytes = (_: string, value: unknown) =>
    value instanceof ArrayBuffer || value instanceof Uint8Array ? latin.decode(value) : value
  for (const name of db.objectStoreNames) {
    const rows = await new Promise<[IDBValidKey, unknown][]>((resolve) => {
      const rows: [IDBValidKey, unknown][] = []
      db.transaction(name).objectStore(name).openCursor().onsuccess = ({ target }) => {
        const cursor = (target as IDBRequest<IDBCursorWithValue | null>).result
        if (cursor === null) return resolve(rows)
        rows.push([cursor.key, cursor.value])
        cursor.continue()
      }
    })
    for (const [key, value] of rows) found.set(`${name}/${String(key)}`, JSON.stringify(value, bytes))
  }
  db.close()
  return found
}

test('the whole store holds the token in one place, and no PIN and no enrolment code anywhere', async () => {
  const { phone, world } = await enrolled()
  expect(await phone.checkPin('p1', '482913')).toMatchObject({ ok: true, verified: true })
  expect(await phone.checkPin('p1', '739164')).toMatchObject({ ok: false })
  await phone.save({ kind: 'sign_in', person: 'p1', tag: null, data: { verified: true } })
  const photo = await phone.photo(bytesOf('a photo'), 'image/jpeg')
  const refused = await phone.save(checkpoint('r1', [photo]), [photo])
  server.poison.set(refused.id, 'shape_invalid')
  await phone.drafts.put('checklist', { tag: '7K3Q9ZX0A1', marks: {} })
  server.faults.push('drop', 'error_500', 'revoked_401')
  for (let i = 0; i < 6; i++) await phone.syncNow()
  await phone.save(checkpoint('r2'))
  server.tokens.clear()
  await phone.syncNow()
  const stored = await everythingStored()
  expect([...stored.keys()].filter((key) => key.startsWith('outbox/')).length).toBeGreaterThan(4)
  expect(stored.get('outbox/4')).toContain('checkpoint')
  const holders = (secret: string) => [...stored].filter(([, value]) => value.includes(secret)).map(([key]) => key)
  expect(holders('token-1')).toEqual(['device/device'])
  for (const secret of ['482913', '739164', '7K3Q9ZX0A1-SECRET']) expect(holders(secret), secret).toEqual([])
  expect([...profile.memory.values()].join()).not.toMatch(/token-1|482913|739164|SECRET/)
  expect(await (await phone.exportFile()).blob.text()).not.toMatch(/token-1|482913|739164|SECRET/)
  // Only the header of a request carries the token, never its body or its address.
  for (const { path, request } of world.asked) expect(path + String(request.body)).not.toContain('token-1')
  phone.stop()
})

test('a clock that jumps by up to ten years each minute changes neither the order nor the number of records', async () => {
  for (const seed of [1, 2, 3]) {
    server = await FakeServer.make()
    const chance = seeded(seed)
    const { phone, world } = await enrolled(seed, new Profile())
    const start = world.time
    const saved: string[] = []
    for (let i = 0; i < 80; i++) {
      world.time = start + (chance() * 2 - 1) * 10 * YEAR
      saved.push((await phone.save(checkpoint(`r${i}`))).id)
      if (chance() < 0.3) server.faults.push('drop')
      if (chance() < 0.4) await phone.syncNow()
    }
    server.faults.length = 0
    await phone.syncNow()
    await phone.syncNow()
    expect(phone.state).toMatchObject({ waiting: 0, trouble: null })
    expect(delivered()).toEqual(saved)
    expect((await phone.records({ since: -Infinity, kinds: ['checkpoint'] })).map(({ id }) => id)).toEqual(saved)
    phone.stop()
  }
}, 30_000)

test('an hour after the server went away it comes back, and within a minute it has everything, without a reload', async () => {
  const { phone, world } = await enrolled()
  phone.start()
  await settled()
  const online = world.fetch.bind(world)
  world.fetch = offline
  const saved: string[] = []
  for (let i = 0; i < 20; i++) {
    const photos = i % 5 === 0 ? [await phone.photo(bytesOf(`photo ${i}`), 'image/jpeg')] : []
    saved.push((await phone.save(checkpoint(`r${i}`, photos), photos)).id)
    await world.advance(60_000)
  }
  // Nobody touches the phone any more.
  await world.advance(2_400_000)
  expect(phone.state.waiting).toBeGreaterThanOrEqual(20)
  world.fetch = online
  await world.advance(60_000)
  await vi.waitFor(() => expect(phone.state).toMatchObject(ALL_SENT))
  expect(delivered()).toEqual(saved)
  expect(server.memory.photos.size).toBe(4)
  phone.stop()
})

test('four hundred days without a server, restarts and all, cost no record and no photo', async () => {
  const saved: string[] = []
  let { phone, world } = await enrolled()
  for (let week = 0; week < 57; week++) {
    world.fetch = offline
    const photos = week % 8 === 0 ? [await phone.photo(bytesOf(`photo ${week}`), 'image/jpeg')] : []
    saved.push((await phone.save(checkpoint(`r${week}`, photos), photos)).id)
    await phone.syncNow()
    const time = world.time + 7 * 24 * 3_600_000
    phone.stop()
    ;({ phone, world } = await enrolled(100 + week))
    world.time = time
    expect(phone.state.waiting).toBe(week + 3)
  }
  expect(phone.state.photosWaiting).toBe(8)
  await phone.syncNow()
  expect(phone.state).toMatchObject({ waiting: 0, photosWaiting: 0 })
  expect(delivered()).toEqual(saved)
  expect(server.memory.photos.size).toBe(8)
  phone.stop()
})

test('every figure on the screen is one that the server’s own receipt gave, at every instant', async () => {
  const lies = ['wrong_stream', 'wrong_hash', 'old_answer', 'beyond', 'low_ack', 'fork_409'] as const
  const faults = ['drop', 'answer_lost', 'cut', 'html_200', 'empty_200', 'other_json', 'error_500', ...lies] as const
  for (let seed = 1; seed <= 20; seed++) {
    server = await FakeServer.make()
    const chance = seeded(seed)
    const { phone, world } = await enrolled(seed, new Profile())
    const shown: string[] = []
    let most = 0
    phone.subscribe(({ safe, lastReceipt, waiting, safeUntil }) => {
      most = Math.max(most, ...[...server.memory.streams.values()].map(({ lines }) => lines.length))
      if (safe > most) shown.push(`${safe} safe, the server never had more than ${most}`)
      if (safe > 0 && safe > (lastReceipt?.ack ?? 0)) shown.push(`${safe} safe without a receipt`)
      if (waiting === 0 && safeUntil !== null && safeUntil > world.time) shown.push('delivered in the future')
    })
    let saved = 0
    for (let i = 0; i < 15; i++) {
      if (chance() < 0.6) server.faults.push(faults[Math.floor(chance() * faults.length)]!)
      if (chance() < 0.7) saved += Number((await phone.save(checkpoint(`r${i}`))).n > 0)
      await phone.syncNow()
      expect(phone.state.waiting + phone.state.safe).toBeGreaterThanOrEqual(saved)
      world.time += 60_000
    }
    expect(shown, `seed ${seed}`).toEqual([])
    phone.stop()
  }
}, 30_000)

test('a phone installed anew in the middle of a round begins a stream of its own, and both parts are there', async () => {
  const before = await enrolled(1)
  const first = [await before.phone.save(checkpoint('r1')), await before.phone.save(checkpoint('r2'))]
  await before.phone.syncNow()
  before.phone.stop()
  // Uninstalled: nothing outlives it, not even the marker.
  profile = new Profile()
  const after = await enrolled(2)
  const second = [await after.phone.save(checkpoint('r3')), await after.phone.save(checkpoint('r4'))]
  await after.phone.syncNow()
  expect(second.map(({ n }) => n)).toEqual(first.map(({ n }) => n))
  expect(second[0]!.stream).not.toBe(first[0]!.stream)
  expect(delivered()).toEqual([...first, ...second].map(({ id }) => id))
  after.phone.stop()
})

test('a photo that rots on the phone never reaches the server as a photo, its record does, and the person is told', async () => {
  const rotten = [new ArrayBuffer(0), bytesOf('a phot'), bytesOf('a photo!'), bytesOf('A photo'), null]
  for (const [i, bytes] of rotten.entries()) {
    server = await FakeServer.make()
    const tab = await openTab(server, new Profile(), 50 + i)
    const photo = await tab.outbox.photo(bytesOf('a photo'), 'image/jpeg')
    const saved = await tab.check('r1', [photo])
    await tab.store.write(['photos'], async (tx) => {
      const row = (await tx.objectStore('photos').get(photo.sha256))!
      await tx.objectStore('photos').put({ ...row, bytes })
    })
    expect((await tab.sync.run())?.outcome).toBe('ok')
    expect(server.memory.photos.size).toBe(0)
    expect(server.memory.records.has(saved.id)).toBe(true)
    const reports = [...server.memory.records.values()].map((line) => JSON.parse(line) as object)
    expect(reports).toContainEqual(
      expect.objectContaining({ kind: 'correction', ref: saved.id, data: { photos: { [photo.sha256]: 'damaged' } } }),
    )
    expect(await tab.outbox.counts()).toMatchObject({ photosWaiting: 0, aside: 1 })
  }
})

test('a photo of a school that the phone has left is sent when the next school has the same', async () => {
  const tab = await openTab(server)
  const photo = await tab.outbox.photo(bytesOf('a picture'), 'image/jpeg')
  await tab.check('r1', [photo])
  const state = async () => (await tab.store.read(['photos'], (tx) => tx.objectStore('photos').get(photo.sha256)))?.state
  await tab.outbox.leaveSchool({
    stores: ['photos'],
    work: async (tx) => {
      const row = (await tx.objectStore('photos').get(photo.sha256))!
      await tx.objectStore('photos').put({ ...row, state: 'refused' })
    },
  })
  await tab.check('r2', [photo])
  expect(await state()).toBe('waiting')
  expect(await tab.sync.run()).toMatchObject({ outcome: 'ok' })
  expect(server.memory.photos.has(photo.sha256)).toBe(true)
  expect(await state()).toBe('stored')
})
