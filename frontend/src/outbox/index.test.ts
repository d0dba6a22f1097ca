// @vitest-environment node
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { openPhone, type Phone, type PhoneState } from './index'
import { Store } from './db'
import { checkpoint, putDevice } from './testing/phone'
import { FakeServer } from './testing/server'
import { Profile, settled, TabWorld } from './testing/world'

let server: FakeServer
let profile: Profile
let world: TabWorld
let phone: Phone

beforeEach(async () => {
  server = await FakeServer.make()
  profile = new Profile()
  world = new TabWorld(profile, server.answer)
  phone = await openPhone(world)
  await putDevice(new Store(world), server)
})
afterEach(() => {
  phone.stop()
  vi.restoreAllMocks()
})

test('the state says what waits, then that all is there and since when', async () => {
  server.faults.push('drop')
  await phone.save(checkpoint('r1'))
  await settled()
  expect(phone.state).toMatchObject({ ready: true, enrolled: true, waiting: 2, safe: 0, safeUntil: null })
  expect(phone.state.lastTry).toMatchObject({ outcome: 'network' })
  world.time += 5_000
  await phone.syncNow()
  expect(phone.state).toMatchObject({ waiting: 0, safe: 2, safeUntil: world.time, sending: null, trouble: null })
  expect(phone.state.lastReceipt).toMatchObject({ ack: 2, verified: true })
})

test('a receipt that another server signed is said, and no longer once our own has answered', async () => {
  server.faults.push('wrong_signature')
  await phone.save(checkpoint('r1'))
  await vi.waitFor(() => expect(phone.state.trouble).toMatchObject({ kind: 'unsigned' }))
  expect(phone.state.lastReceipt).toMatchObject({ verified: false })
  await phone.syncNow()
  expect(phone.state.trouble).toBeNull()
})

test('a log that contradicts a kept head is said until somebody has read it', async () => {
  const school = { id: 'school-1', name: '育才中学', zone: 'Asia/Shanghai', language: 'zh-CN' }
  const lists = { people: [], buildings: [], places: [], tags: [], routes: [], questions: [], findings: [] }
  const honest = world.fetch.bind(world)
  vi.spyOn(world, 'fetch').mockImplementation(async (path, request) =>
    path.startsWith('/api/v1/pack')
      ? { status: 200, retryAfter: null, text: JSON.stringify({ cursor: 'c', made_at: '', school, ...lists }) }
      : honest(path, request),
  )
  server.newest = await server.head(10, 'a'.repeat(64))
  expect(await phone.refreshPack()).toBe('new')
  await vi.waitFor(() => expect(server.held).toEqual([null]))
  server.verdict = 'head_contradicts'
  await phone.refreshPack()
  await vi.waitFor(() => expect(phone.state.trouble).toMatchObject({ kind: 'log', number: 10, day: '2026-11-22' }))
  await phone.acknowledge()
  expect(phone.state.trouble).toBeNull()
})

test('watchers hear each change, and the state is never changed in place', async () => {
  const seen: PhoneState[] = []
  const stop = phone.subscribe((state) => seen.push(state))
  const before = phone.state
  const copy = JSON.stringify(before)
  await phone.save(checkpoint('r1'))
  await phone.syncNow()
  expect(JSON.stringify(before)).toBe(copy)
  expect(seen.some((state) => state.sending !== null && state.sending.total === 2)).toBe(true)
  stop()
  const heard = seen.length
  await phone.save(checkpoint('r2'))
  expect(seen).toHaveLength(heard)
})

test('a second tab shows what the first saved and sent', async () => {
  const other = await openPhone(new TabWorld(profile, server.answer, 2))
  server.faults.push('drop')
  await phone.save(checkpoint('r1'))
  await settled()
  expect(other.state.waiting).toBe(2)
  await phone.syncNow()
  await settled()
  expect(other.state).toMatchObject({ waiting: 0, safe: 2 })
  other.stop()
})

test('the browser is asked once to keep the store, and its answer shown', async () => {
  profile.persistAnswer = false
  expect(phone.state.persisted).toBeNull()
  const asked = vi.spyOn(world, 'persist')
  await phone.save(checkpoint('r1'))
  await phone.save(checkpoint('r2'))
  await settled()
  expect(phone.state.persisted).toBe(false)
  expect(asked).toHaveBeenCalledOnce()
})

test('a revoked phone asks for the supervisor, here and after a reload, and is well again once let in', async () => {
  server.tokens.clear()
  await phone.save(checkpoint('r1'))
  await phone.syncNow()
  expect(phone.state).toMatchObject({ waiting: 2, trouble: { kind: 'signed_out', code: 'device_revoked' } })
  const again = await openPhone(new TabWorld(profile, server.answer, 2))
  expect(again.state.trouble).toMatchObject({ kind: 'signed_out' })
  again.stop()
  server.tokens.add('token-1')
  await phone.syncNow()
  expect(phone.state).toMatchObject({ waiting: 0, trouble: null })
})

test('a lost store is an alarm until somebody has seen it', async () => {
  await phone.save(checkpoint('r1'))
  phone.stop()
  profile.wipe()
  phone = await openPhone(new TabWorld(profile, server.answer, 2))
  expect(phone.state.trouble).toMatchObject({ kind: 'lost', records: 2 })
  await phone.acknowledge()
  expect(phone.state.trouble).toBeNull()
})

test('a server that refuses three times in a row is said to be in trouble, one that is only away is not', async () => {
  for (let i = 0; i < 3; i++) {
    server.faults.push('drop')
    await phone.syncNow()
  }
  expect(phone.state.trouble).toBeNull()
  server.limit = 10
  for (let i = 0; i < 3; i++) await phone.syncNow()
  expect(phone.state.trouble).toMatchObject({ kind: 'server', status: 413, code: 'too_large' })
})

test('without storage no round may start, and the reason is there', async () => {
  const bare = new TabWorld(new Profile(), server.answer)
  Object.defineProperty(bare, 'indexedDB', { value: null })
  const poor = await openPhone(bare)
  expect(poor.state).toMatchObject({ ready: false, trouble: { kind: 'storage', reason: 'missing' } })
  await expect(poor.save(checkpoint('r1'))).rejects.toMatchObject({ name: 'SaveFailed' })
  poor.stop()
})

test('a phone that is not enrolled keeps records and sends nothing', async () => {
  const fresh = await openPhone(new TabWorld(new Profile(), server.answer, 7))
  await fresh.save(checkpoint('r1'))
  await fresh.syncNow()
  expect(fresh.state).toMatchObject({ enrolled: false, waiting: 2 })
  expect(server.requests).toBe(0)
  fresh.stop()
})

test('a store that comes back after a bad start is used and sent from, without a reload', async () => {
  const world = new TabWorld(new Profile(), server.answer, 8)
  const there = Object.getOwnPropertyDescriptor(TabWorld.prototype, 'indexedDB')!
  const open = vi.fn(() => {
    throw new DOMException('Connection to Indexed Database server lost', 'UnknownError')
  })
  Object.defineProperty(world, 'indexedDB', { configurable: true, value: { open } })
  const late = await openPhone(world)
  late.start()
  expect(late.state).toMatchObject({ ready: false, trouble: { kind: 'storage', reason: 'broken' } })
  Object.defineProperty(world, 'indexedDB', there)
  await putDevice(new Store(world), server)
  for (const wake of world.waiters) wake('visible')
  await vi.waitFor(() => expect(late.state).toMatchObject({ ready: true, trouble: null }))
  await late.save(checkpoint('r1'))
  await vi.waitFor(() => expect(late.state).toMatchObject({ waiting: 0, safe: 2 }))
  late.stop()
})

test('enrolled again in one tab, the other goes on sending without a reload', async () => {
  const beside = new TabWorld(profile, server.answer, 2)
  const other = await openPhone(beside)
  server.tokens.clear()
  await other.syncNow()
  expect(other.state.trouble).toMatchObject({ kind: 'signed_out' })
  server.tokens.add('token-1')
  await phone.syncNow()
  await vi.waitFor(() => expect(other.state.trouble).toBeNull())
  await other.save(checkpoint('r1'))
  await beside.advance(5_000)
  await vi.waitFor(() => expect(other.state).toMatchObject({ waiting: 0, trouble: null }))
  other.stop()
})

test('a PIN never keeps a guard from his phone because the storage fails, and the trouble is said', async () => {
  vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(() => {
    throw new DOMException('no room', 'QuotaExceededError')
  })
  expect(await phone.checkPin('p1', '123456')).toEqual({ ok: true, verified: false })
  expect(phone.state.trouble).toMatchObject({ kind: 'storage', reason: 'full' })
})
