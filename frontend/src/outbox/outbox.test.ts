// @vitest-environment node
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { link, ZERO_HASH } from './chain'
import { StorageFailed } from './db'
import { SaveFailed } from './outbox'
import { bytesOf, checkpoint, copied, openTab } from './testing/phone'
import { digest, FakeServer } from './testing/server'
import { Profile, TabWorld } from './testing/world'

let server: FakeServer

beforeEach(async () => {
  server = await FakeServer.make()
})
afterEach(() => vi.restoreAllMocks())

test('the chain hash is the one of the protocol', async () => {
  const world = new TabWorld(new Profile(), server.answer)
  const stream = 'ab'.repeat(16)
  const line = '{"note":"三楼漏水"}'
  const expected = await digest(`campus-patrol-1\0${stream}\0${1}\0${ZERO_HASH}\0${line}`)
  expect(await link(world, stream, 1, ZERO_HASH, line)).toBe(expected)
  // Worked out once with another tool, so that both sides cannot be wrong together.
  expect(await link(world, '0'.repeat(32), 1, ZERO_HASH, '{}')).toBe(FIXED)
})

test('every write is one strict transaction', async () => {
  const asked = vi.spyOn(IDBDatabase.prototype, 'transaction')
  const { outbox } = await openTab(server)
  const photo = await outbox.photo(bytesOf('a photo'), 'image/jpeg')
  asked.mockClear()
  await outbox.save(checkpoint('r1', [photo]), [photo])
  const writes = asked.mock.calls.filter(([, mode]) => mode === 'readwrite')
  expect(writes).toEqual([[['meta', 'outbox', 'photos'], 'readwrite', { durability: 'strict' }]])
})

test('the tick comes after complete, never before', async () => {
  const { outbox } = await openTab(server)
  let complete = false
  const original = IDBDatabase.prototype.transaction
  vi.spyOn(IDBDatabase.prototype, 'transaction').mockImplementation(function (this: IDBDatabase, ...asked) {
    const tx = original.apply(this, asked)
    if (asked[1] === 'readwrite') tx.addEventListener('complete', () => (complete = true))
    return tx
  })
  await outbox.save(checkpoint('r1'))
  expect(complete).toBe(true)
})

test('a transaction that aborts is red, and leaves neither record nor photo nor number', async () => {
  const tab = await openTab(server)
  const photo = await tab.outbox.photo(bytesOf('a photo'), 'image/jpeg')
  const before = await tab.chain()
  const put = vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(() => {
    throw new DOMException('the disk is broken', 'DataError')
  })
  await expect(tab.outbox.save(checkpoint('r1', [photo]), [photo])).rejects.toBeInstanceOf(SaveFailed)
  put.mockRestore()
  expect(await tab.chain()).toEqual(before)
  expect((await tab.lines()).length).toBe(1)
  expect((await tab.outbox.counts()).photosWaiting).toBe(0)
})

test('a saved record is there for a page that opens later, with the words of the record line', async () => {
  const profile = new Profile()
  const first = await openTab(server, profile)
  const saved = await first.check('r1')
  const second = await openTab(server, profile, 2)
  const [boot, record] = (await second.lines()).map((line) => JSON.parse(line) as Record<string, unknown>)
  expect(boot).toMatchObject({ v: 1, kind: 'boot', person: null, tag: null, data: { reason: 'new', app: '1.0.0' } })
  expect(Object.keys(record!)).toEqual(
    'v kind id person tag at zone elapsed boot data photos ref'.split(' '),
  )
  expect(record).toMatchObject({ v: 1, kind: 'checkpoint', id: saved.id, person: 'p1', tag: '7K3Q9ZX0A1', zone: 480 })
  expect(record).toMatchObject({ at: '2026-11-22T15:30:00.000Z', photos: [], ref: null, elapsed: 55_800_000 })
  expect(saved.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
})

test('no room for the photo keeps the record and says that the photo is not kept', async () => {
  const tab = await openTab(server)
  const photo = await tab.outbox.photo(bytesOf('a large photo'), 'image/jpeg')
  const original = IDBObjectStore.prototype.put
  vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(function (this: IDBObjectStore, value, key) {
    if ((value as { bytes?: unknown }).bytes instanceof ArrayBuffer) {
      throw new DOMException('no room', 'QuotaExceededError')
    }
    return original.call(this, value, key)
  })
  const saved = await tab.outbox.save(checkpoint('r1', [photo]), [photo])
  expect(saved.photosLost).toEqual([photo.sha256])
  expect(await tab.lines()).toHaveLength(2)
  expect((await tab.sync.run())?.outcome).toBe('ok')
  expect(server.memory.records.has(saved.id)).toBe(true)
})

test('no room at all is red and says so', async () => {
  const tab = await openTab(server)
  vi.spyOn(IDBObjectStore.prototype, 'add').mockImplementation(() => {
    throw new DOMException('no room', 'QuotaExceededError')
  })
  await expect(tab.check('r1')).rejects.toMatchObject({ name: 'SaveFailed', reason: 'full' })
})

test('a photo that does not read back whole is not called saved', async () => {
  const tab = await openTab(server)
  const photo = await tab.outbox.photo(bytesOf('a photo'), 'image/jpeg')
  const original = IDBObjectStore.prototype.put
  let emptied = false
  vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(function (this: IDBObjectStore, value, key) {
    const row = value as { bytes?: unknown }
    const spoil = row.bytes instanceof ArrayBuffer && !emptied
    emptied ||= spoil
    return original.call(this, spoil ? { ...row, bytes: new ArrayBuffer(0) } : value, key)
  })
  const saved = await tab.outbox.save(checkpoint('r1', [photo]), [photo])
  expect(saved.photosLost).toEqual([photo.sha256])
})

test('a photo that cannot be looked at again does not turn a kept record into one to be saved twice', async () => {
  const tab = await openTab(server)
  const photo = await tab.outbox.photo(bytesOf('a picture'), 'image/jpeg')
  const read = tab.store.read.bind(tab.store)
  vi.spyOn(tab.store, 'read').mockImplementation((stores, work) => {
    if (stores.join() === 'photos') return Promise.reject(new StorageFailed('full', 'no room to read'))
    return read(stores, work)
  })
  const saved = await tab.check('r1', [photo])
  expect(saved.photosLost).toEqual([])
  vi.restoreAllMocks()
  const ids = (await tab.lines()).map((line) => (JSON.parse(line) as { id: string }).id)
  expect(ids.filter((id) => id === saved.id)).toHaveLength(1)
})

test('five tabs saving at once give every record its own number, with locks and without', async () => {
  for (const lockless of [false, true]) {
    const profile = new Profile()
    profile.lockless = lockless
    const tabs = await Promise.all([1, 2, 3, 4, 5].map((seed) => openTab(server, profile, lockless ? seed + 10 : seed)))
    const saved = await Promise.all(tabs.flatMap((tab, i) => [1, 2, 3, 4].map((k) => tab.check(`r${i}-${k}`))))
    expect(new Set(saved.map((one) => one.n)).size).toBe(20)
    const chain = await tabs[0]!.chain()
    // Each of them finds the database empty or made; only one may begin the stream.
    expect(chain.next).toBe(22)
    expect((await tabs[0]!.sync.run())?.outcome).toBe('ok')
    expect(server.memory.streams.get(chain.stream)?.hashes[20]).toBe(chain.head)
  }
})

test('a wiped database begins another stream, tells the phone and the server what it had, and reuses no number', async () => {
  const profile = new Profile()
  const before = await openTab(server, profile)
  for (const place of ['r1', 'r2', 'r3']) await before.check(place)
  const { stream } = await before.chain()
  await copied(before)
  profile.wipe()
  const after = await openTab(server, profile, 2)
  const chain = await after.chain()
  expect(chain.stream).not.toBe(stream)
  expect((await after.outbox.counts()).lost).toMatchObject({ stream, records: 4 })
  const boot = JSON.parse((await after.lines())[0]!) as { data: unknown }
  expect(boot.data).toEqual({ reason: 'lost', app: '1.0.0', before: { stream, next: 5 } })
  await after.outbox.acknowledge('lost')
  expect((await after.outbox.counts()).lost).toBeNull()
})

test('a database that vanishes under an open page is noticed at the next save', async () => {
  const profile = new Profile()
  const tab = await openTab(server, profile)
  await tab.check('r1')
  await copied(tab)
  await tab.store.close()
  profile.wipe()
  const saved = await tab.check('r2')
  expect(saved.n).toBe(2)
  expect((await tab.outbox.counts()).lost).toMatchObject({ records: 2 })
})

test('a database that went back in time never gives out a number twice', async () => {
  const profile = new Profile()
  const tab = await openTab(server, profile)
  await tab.check('r1')
  const { stream } = await tab.chain()
  profile.memory.set('campus-patrol-store', JSON.stringify({ stream, seq: 9 }))
  const later = await openTab(server, profile, 2)
  expect((await later.chain()).stream).not.toBe(stream)
  expect((await later.outbox.counts()).lost).toMatchObject({ stream, records: 9 })
  expect((await later.lines()).map((line) => (JSON.parse(line) as { kind: string }).kind)).toEqual([
    'boot',
    'checkpoint',
    'boot',
  ])
})

test('four hundred days offline lose nothing', async () => {
  const tab = await openTab(server)
  const saved = []
  for (let day = 0; day < 400; day++) {
    tab.world.time += 24 * 3_600_000
    saved.push((await tab.check(`r${day}`)).id)
    if (day % 50 === 0) {
      server.faults.push('drop')
      await tab.sync.run()
    }
  }
  expect((await tab.outbox.counts()).waiting).toBe(401)
  expect((await tab.sync.run())?.outcome).toBe('ok')
  expect(saved.every((id) => server.memory.records.has(id))).toBe(true)
})

test('what is saved while a batch is under way is a record of its own', async () => {
  const tab = await openTab(server)
  const first = await tab.check('r1')
  const inner = server.answer
  let second: Awaited<ReturnType<typeof tab.check>> | null = null
  vi.spyOn(tab.world, 'fetch').mockImplementation(async (path, request) => {
    second ??= await tab.outbox.save({ kind: 'void', person: 'p1', tag: null, data: {}, ref: first.id })
    return inner(path, request)
  })
  expect((await tab.sync.run())?.outcome).toBe('ok')
  expect(JSON.parse(server.memory.records.get(second!.id)!)).toMatchObject({ kind: 'void', ref: first.id })
  expect((await tab.outbox.counts()).waiting).toBe(0)
})

test('drafts outlive the page and are no records', async () => {
  const profile = new Profile()
  const before = await openTab(server, profile)
  await before.outbox.drafts.put('checklist', { place: 'r1', photos: [bytesOf('half')] })
  const after = await openTab(server, profile, 2)
  expect(await after.outbox.drafts.keys()).toEqual(['checklist'])
  expect(await after.outbox.drafts.get('checklist')).toMatchObject({ place: 'r1' })
  expect(await after.lines()).toHaveLength(1)
  await after.outbox.drafts.remove('checklist')
  expect(await after.outbox.drafts.get('checklist')).toBeUndefined()
})

test('the lists say what waits, what is safe and what is aside', async () => {
  const tab = await openTab(server)
  const [safe, refused] = [await tab.check('r1'), await tab.check('r2')]
  server.poison.set(refused.id, 'shape_invalid')
  await tab.sync.run()
  tab.world.time += 60_000
  const waiting = await tab.check('r3')
  const states = new Map((await tab.outbox.records({ kinds: ['checkpoint'] })).map((one) => [one.id, one.state]))
  expect(states).toEqual(
    new Map([
      [safe.id, 'safe'],
      [refused.id, 'aside'],
      [waiting.id, 'waiting'],
    ]),
  )
  expect((await tab.outbox.waitingRecords()).map((one) => one.id)).toEqual([waiting.id])
  expect((await tab.outbox.records({ since: tab.world.time })).map((one) => one.id)).toEqual([waiting.id])
  expect((await tab.outbox.records({ limit: 1 })).map((one) => one.id)).toEqual([waiting.id])
  expect(await tab.outbox.counts()).toMatchObject({ waiting: 1, safe: 3, aside: 1 })
})

test('the export holds every line byte for byte, and no token', async () => {
  const tab = await openTab(server)
  const refused = await tab.check('r1')
  server.poison.set(refused.id, 'shape_invalid')
  await tab.sync.run()
  await tab.check('r2 "漏水" \u2028')
  const { name, blob } = await tab.outbox.exportFile()
  const [header, ...rest] = (await blob.text()).trimEnd().split('\n')
  expect(name).toBe('campus-patrol-2026-11-22.ndjson')
  expect(JSON.parse(header!)).toMatchObject({ export: 'outbox', count: 3, from: 1, prev: ZERO_HASH, acked: 2 })
  expect(rest.slice(0, 3)).toEqual(await tab.lines())
  expect(JSON.parse(rest[3]!)).toMatchObject({ export: 'aside', reasons: [{ id: refused.id, code: 'shape_invalid' }] })
  expect(await blob.text()).not.toContain('token-1')
})

const FIXED = '36320f9463c177d79793ab65b2276546eb0b9b6bd50c91dc36d50ba97245e23c'
