// @vitest-environment node
import { beforeEach, expect, test, vi } from 'vitest'
import { hex, ZERO_HASH } from './chain'
import type { PhotoRow } from './db'
import { bytesOf, copied, openTab, putDevice, type Tab } from './testing/phone'
import { type Fault, FakeServer, type Header } from './testing/server'
import { Profile } from './testing/world'

const DAY = 24 * 3_600_000
let server: FakeServer
let tab: Tab

beforeEach(async () => {
  server = await FakeServer.make()
  tab = await openTab(server)
})

function header(i: number): Header {
  const sent = tab.world.asked.filter(({ path }) => path === '/api/v1/sync')[i]!
  return JSON.parse(String(sent.request.body).split('\n')[0]!) as Header
}

async function photoRow(name: string): Promise<PhotoRow | undefined> {
  return tab.store.read(['photos'], (tx) => tx.objectStore('photos').get(name))
}

async function saveWithPhoto(text = 'a photo') {
  const photo = await tab.outbox.photo(bytesOf(text), 'image/jpeg')
  return { photo, saved: await tab.check('r1', [photo]) }
}

test('records reach the server as written, with a header that announces them', async () => {
  const saved = await tab.check('r1')
  const lines = await tab.lines()
  expect(await tab.sync.run()).toMatchObject({ outcome: 'ok' })
  const { stream, head } = await tab.chain()
  expect(server.memory.streams.get(stream)?.lines).toEqual(lines)
  expect(server.memory.records.get(saved.id)).toBe(lines[1])
  expect(header(0)).toMatchObject({ v: 1, stream, from: 1, count: 2, next: 3, prev: ZERO_HASH, head, app: '1.0.0' })
  const { request } = tab.world.asked[0]!
  expect(request.headers).toEqual({ Authorization: 'Bearer token-1', 'Content-Type': 'application/x-ndjson' })
  expect(String(request.body).endsWith('\n')).toBe(true)
})

test('a poll without records still announces and asks', async () => {
  await tab.sync.run()
  await tab.sync.run()
  const { stream, head } = await tab.chain()
  expect(header(1)).toMatchObject({ stream, from: 2, count: 0, next: 2, prev: head, head })
})

const KEPT: Fault[] = [
  'drop',
  'cut',
  'html_200',
  'empty_200',
  'none_204',
  'other_json',
  'wrong_stream',
  'wrong_request',
  'old_answer',
  'portal_401',
  'revoked_401',
  'forbidden_403',
  'busy_429',
  'error_500',
  'busy_503',
]

for (const fault of KEPT) {
  test(`${fault} counts for nothing: every row stays, nothing is called safe`, async () => {
    await tab.sync.run()
    await tab.check('r1')
    const lines = await tab.lines()
    const chain = await tab.chain()
    server.faults.push(fault)
    expect((await tab.sync.run())?.outcome).not.toBe('ok')
    expect(await tab.lines()).toEqual(lines)
    expect(await tab.chain()).toEqual(chain)
    expect(await tab.outbox.counts()).toMatchObject({ waiting: 1, safe: 1 })
    // The same rows under the same numbers, and the server has them once.
    expect((await tab.sync.run())?.outcome).toBe('ok')
    expect(server.memory.streams.get(chain.stream)?.lines).toEqual(lines)
  })
}

test('a captive portal that says 200 for an hour loses nothing', async () => {
  await tab.check('r1')
  for (let i = 0; i < 60; i++) {
    server.faults.push('html_200')
    expect((await tab.sync.run())?.outcome).toBe('portal')
  }
  expect((await tab.sync.run())?.outcome).toBe('ok')
  expect(server.memory.records.size).toBe(2)
})

test('committed but unanswered is sent again and is there once', async () => {
  await tab.check('r1')
  server.faults.push('answer_lost')
  await tab.sync.run()
  expect(server.memory.records.size).toBe(2)
  expect((await tab.outbox.counts()).waiting).toBe(2)
  await tab.sync.run()
  expect((await tab.outbox.counts()).waiting).toBe(0)
  expect(server.memory.streams.get((await tab.chain()).stream)?.lines).toHaveLength(2)
})

test('rows stay after the acknowledgement while no backup holds them', async () => {
  const { saved } = await saveWithPhoto()
  await tab.sync.run()
  tab.world.time += 400 * DAY
  await tab.sync.run()
  expect((await tab.outbox.records()).map((one) => one.id)).toContain(saved.id)
})

test('rows leave only when acknowledged, in a verified backup, and two days old', async () => {
  await tab.check('r1')
  await tab.check('r2')
  server.durable = 2
  await tab.sync.run()
  expect(await tab.lines()).toHaveLength(3)
  tab.world.time += 3 * DAY
  await tab.check('r3')
  await tab.sync.run()
  expect((await tab.outbox.records()).map((one) => one.n)).toEqual([3, 4])
  // The chain goes on from what is gone.
  await tab.check('r4')
  expect((await tab.sync.run())?.outcome).toBe('ok')
})

test('a receipt with a wrong signature deletes nothing', async () => {
  await tab.check('r1')
  tab.world.time += 3 * DAY
  server.durable = 2
  server.faults.push('wrong_signature')
  await tab.sync.run()
  expect(await tab.lines()).toHaveLength(2)
  expect((await tab.outbox.counts()).receipt).toMatchObject({ verified: false })
})

test('the receipt is checked against the key of the enrolment, and kept', async () => {
  await tab.check('r1')
  await tab.sync.run()
  const { stream, head } = await tab.chain()
  const { receipt } = await tab.outbox.counts()
  expect(receipt).toMatchObject({ stream, ack: 2, ack_hash: head, durable: 0, generation: 'g1', verified: true })
})

test('what the server puts in quarantine goes aside with its reason and holds up nothing', async () => {
  const [first, poison, last] = [await tab.check('r1'), await tab.check('r2'), await tab.check('r3')]
  server.poison.set(poison.id, 'shape_invalid')
  expect((await tab.sync.run())?.outcome).toBe('ok')
  expect(await tab.outbox.counts()).toMatchObject({ waiting: 0, aside: 1 })
  expect(await tab.outbox.asideItems()).toMatchObject([{ id: poison.id, code: 'shape_invalid', onServer: true }])
  expect([...server.memory.records.keys()]).toEqual(expect.arrayContaining([first.id, last.id]))
  expect(await tab.lines()).toHaveLength(4)
  expect((await tab.outbox.records()).find((one) => one.id === poison.id)).toMatchObject({ state: 'aside' })
})

test('a restored server gets again what it lost', async () => {
  await tab.check('r1')
  await tab.sync.run()
  const backup = server.snapshot()
  const later = await tab.check('r2')
  await tab.sync.run()
  server.restore(backup)
  expect((await tab.sync.run())?.outcome).toBe('ok')
  expect(server.memory.records.has(later.id)).toBe(true)
  expect(await tab.chain()).toMatchObject({ generation: 'g1+', acked: 3 })
})

test('a restored server that does not ask for them is offered again the photos it had', async () => {
  const { photo } = await saveWithPhoto()
  await tab.sync.run()
  const backup = server.snapshot()
  backup.photos.delete(photo.sha256)
  server.restore(backup)
  // As a server does whose backup has the record under a stream that this phone has left.
  vi.spyOn(tab.world, 'fetch').mockImplementation(async (path, request) => {
    const { text, ...answer } = await server.answer(path, request)
    return { ...answer, text: text.replace(/"want_photos":\[.*?\]/, '"want_photos":[]') }
  })
  expect((await tab.sync.run())?.outcome).toBe('ok')
  expect(server.memory.photos.has(photo.sha256)).toBe(true)
  expect((await photoRow(photo.sha256))?.state).toBe('stored')
})

test('a poll shows that the server went back, without anything new to send', async () => {
  const empty = server.snapshot()
  await tab.check('r1')
  await tab.sync.run()
  server.restore(empty)
  // The gap names what is needed and the phone has it.
  expect((await tab.sync.run())?.outcome).toBe('ok')
  expect(server.memory.records.size).toBe(2)
  expect((await tab.chain()).stream).toBe(header(0).stream)
})

test('an acknowledgement that goes back is followed: what the server no longer holds waits again', async () => {
  await tab.check('r1')
  await tab.sync.run()
  await tab.check('r2')
  server.faults.push('low_ack', 'drop')
  await tab.sync.run()
  expect(await tab.outbox.counts()).toMatchObject({ waiting: 3, safe: 0 })
  expect((await tab.sync.run())?.outcome).toBe('ok')
  expect(header(3)).toMatchObject({ from: 1, count: 3 })
})

test('a gap that this phone cannot fill moves what it has to a new stream', async () => {
  await tab.check('r1')
  server.durable = 2
  await tab.sync.run()
  tab.world.time += 3 * DAY
  await tab.sync.run()
  const later = await tab.check('r2')
  const { stream } = await tab.chain()
  expect(await tab.lines()).toHaveLength(1)
  server.restore({ streams: new Map(), records: new Map(), photos: new Map(), quarantine: [] })
  server.durable = 0
  expect((await tab.sync.run())?.outcome).toBe('ok')
  const chain = await tab.chain()
  expect(chain.stream).not.toBe(stream)
  expect(server.memory.records.has(later.id)).toBe(true)
  expect(JSON.parse((await tab.lines())[1]!)).toMatchObject({
    kind: 'boot',
    data: { reason: 'moved', before: { stream, next: 4 } },
  })
})

test('a row that vanished from the disk does not hold up the ones behind it', async () => {
  await tab.check('r1')
  const kept = await tab.check('r2')
  await tab.store.write(['outbox'], (tx) => tx.objectStore('outbox').delete(2))
  expect((await tab.sync.run())?.outcome).toBe('ok')
  expect(server.memory.records.has(kept.id)).toBe(true)
})

test('a cloned phone and its original both bring everything, the second in a stream of its own', async () => {
  await tab.check('r1')
  await tab.sync.run()
  const twin = await clone(tab)
  const [mine, his] = [await tab.check('mine'), await twin.check('his')]
  expect((await tab.sync.run())?.outcome).toBe('ok')
  expect((await twin.sync.run())?.outcome).toBe('ok')
  expect((await twin.chain()).stream).not.toBe((await tab.chain()).stream)
  expect(server.memory.records.has(mine.id) && server.memory.records.has(his.id)).toBe(true)
  expect(await twin.lines()).toHaveLength(4)
})

async function clone(from: Tab): Promise<Tab> {
  const [chain, rows] = await from.store.read(['meta', 'outbox'], async (tx) => {
    return [await tx.objectStore('meta').get('chain'), await tx.objectStore('outbox').getAll()] as const
  })
  const twin = await openTab(server, new Profile(), 99)
  await copied(twin)
  twin.world.profile.spare = null
  await twin.store.write(['meta', 'outbox'], async (tx) => {
    await tx.objectStore('outbox').clear()
    for (const row of rows) await tx.objectStore('outbox').add(row)
    await tx.objectStore('meta').put(chain!, 'chain')
  })
  return twin
}

test('an acknowledgement with a hash that is not mine is taken as a fork, and no row is believed to be safe', async () => {
  const saved = await tab.check('r1')
  const { stream } = await tab.chain()
  server.faults.push('wrong_hash')
  await tab.sync.run()
  expect((await tab.chain()).stream).not.toBe(stream)
  expect((await tab.outbox.records()).map((one) => one.id)).toContain(saved.id)
  expect(server.memory.records.has(saved.id)).toBe(true)
})

test('an acknowledgement beyond what was announced is not believed', async () => {
  const saved = await tab.check('r1')
  server.durable = 1_000_000
  server.faults.push('beyond')
  tab.world.time += 3 * DAY
  expect(await tab.sync.run()).toMatchObject({ outcome: 'refused', code: 'ack_beyond' })
  expect((await tab.outbox.records()).map((one) => one.id)).toContain(saved.id)
  expect((await tab.outbox.counts()).safe).toBe(0)
})

test('a quarrel without end does not begin stream after stream', async () => {
  await tab.check('r1')
  for (let i = 0; i < 30; i++) {
    server.faults.push('fork_409', 'fork_409', 'fork_409')
    await tab.sync.run()
    server.faults.length = 0
    tab.world.time += 1_000
  }
  expect(server.memory.streams.size).toBeLessThan(8)
  tab.world.time += 300_000
  expect((await tab.sync.run())?.outcome).toBe('ok')
})

test('a clock put back by years does not hold up the way out of a quarrel', async () => {
  await tab.check('r1')
  server.faults.push('fork_409', 'fork_409', 'fork_409')
  await tab.sync.run()
  server.faults.length = 0
  const { stream } = await tab.chain()
  tab.world.time -= 3_650 * DAY
  server.faults.push('fork_409')
  expect((await tab.sync.run())?.outcome).toBe('ok')
  expect((await tab.chain()).stream).not.toBe(stream)
})

test('batches hold at most 256 kB and 500 lines', async () => {
  for (let i = 0; i < 120; i++) await tab.check(`r${i} ${'漏'.repeat(1_000)}`)
  await tab.sync.run()
  const sizes = tab.world.asked.map(({ request }) => new TextEncoder().encode(String(request.body)).byteLength)
  expect(sizes.length).toBeGreaterThan(1)
  expect(Math.max(...sizes)).toBeLessThanOrEqual(256 * 1024)
  const many = await openTab(server, new Profile(), 5)
  for (let i = 0; i < 510; i++) await many.check('r')
  await many.sync.run()
  const counts = many.world.asked.map(({ request }) => String(request.body).split('\n').length - 2)
  expect(counts).toEqual([500, 11])
})

test('too large is halved until it passes; one line that never passes goes aside, and a stub keeps the chain', async () => {
  for (let i = 0; i < 8; i++) await tab.check(`small ${i}`)
  const large = await tab.check('x'.repeat(5_000))
  const last = await tab.check('small 9')
  const text = (await tab.lines())[9]!
  server.limit = 2_500
  expect((await tab.sync.run())?.outcome).toBe('ok')
  expect(await tab.outbox.asideItems()).toMatchObject([
    { id: large.id, code: 'line_too_long', onServer: false, line: text },
  ])
  expect(server.memory.records.has(last.id)).toBe(true)
  expect(server.memory.records.has(large.id)).toBe(false)
  const stub = server.memory.quarantine.map(({ line }) => JSON.parse(line) as { kind: string; ref: string })
  expect(stub).toMatchObject([{ kind: 'parked', ref: large.id }])
  expect(await tab.outbox.counts()).toMatchObject({ waiting: 0, aside: 1 })
  const { blob } = await tab.outbox.exportFile()
  expect(await blob.text()).toContain(text)
})

test('a proxy that says too large once sets nothing aside', async () => {
  await tab.sync.run()
  await tab.check('x'.repeat(5_000))
  server.faults.push('large_413')
  await tab.sync.run()
  expect(await tab.outbox.asideItems()).toEqual([])
  expect((await tab.outbox.counts()).waiting).toBe(0)
})

test('a refusal that was meant for another request shuts nobody out', async () => {
  await tab.sync.run()
  await tab.check('r1')
  server.faults.push('enrolment_401')
  expect(await tab.sync.run()).toMatchObject({ outcome: 'refused', status: 401, code: 'enrolment_used' })
  expect((await tab.outbox.counts()).stopped).toBeNull()
  await tab.sync.run()
  expect((await tab.outbox.counts()).waiting).toBe(0)
})

test('a revoked phone keeps everything, says so, and goes on after it was enrolled again', async () => {
  const saved = await tab.check('r1')
  server.tokens.clear()
  expect(await tab.sync.run()).toMatchObject({ outcome: 'refused', status: 401, code: 'device_revoked' })
  expect((await tab.outbox.counts()).stopped).toMatchObject({ code: 'device_revoked' })
  expect((await tab.outbox.counts()).waiting).toBe(2)
  server.tokens.add('token-2')
  await putDevice(tab.store, server, 'token-2')
  await tab.sync.run()
  expect((await tab.outbox.counts()).stopped).toBeNull()
  expect(server.memory.records.has(saved.id)).toBe(true)
})

test('how long to stay away is the server’s word, up to five minutes', async () => {
  for (const [said, wait] of [
    ['7', 7_000],
    ['86400', 300_000],
    ['-5', 0],
    ['soon', 0],
    [new Date(tab.world.time + 9_000).toUTCString(), 9_000],
  ] as const) {
    server.retryAfter = said
    server.faults.push('busy_503')
    expect(await tab.sync.run()).toMatchObject({ outcome: 'busy', status: 503, retryAfter: wait })
  }
})

test('photos follow their record, one by one, and are called stored only by their own hash', async () => {
  const { photo } = await saveWithPhoto()
  server.faults.push(...([undefined, 'html_200'] as unknown as Fault[]))
  expect((await tab.sync.run())?.outcome).toBe('portal')
  expect((await photoRow(photo.sha256))?.state).toBe('waiting')
  expect((await tab.outbox.counts()).photosWaiting).toBe(1)
  expect((await tab.sync.run())?.outcome).toBe('ok')
  expect((await photoRow(photo.sha256))?.state).toBe('stored')
  const put = tab.world.asked.find(({ path }) => path.startsWith('/api/v1/photos/'))!
  expect(put.path).toBe(`/api/v1/photos/${photo.sha256}`)
  expect(put.request.body).toBeInstanceOf(ArrayBuffer)
  expect(hex(server.memory.photos.get(photo.sha256)!)).toBe(hex(new Uint8Array(bytesOf('a photo'))))
})

test('a photo damaged on the phone is not sent; record and report arrive', async () => {
  for (const [i, spoiled] of [new ArrayBuffer(0), bytesOf('photo'), bytesOf('PHOTO 2'), null].entries()) {
    tab = await openTab(server, new Profile(), 20 + i)
    const { photo, saved } = await saveWithPhoto(`photo ${i}`)
    const row = (await photoRow(photo.sha256))!
    await tab.store.write(['photos'], async (tx) => void (await tx.objectStore('photos').put({ ...row, bytes: spoiled })))
    expect((await tab.sync.run())?.outcome).toBe('ok')
    expect(server.memory.photos.has(photo.sha256)).toBe(false)
    expect(server.memory.records.has(saved.id)).toBe(true)
    expect(await tab.outbox.asideItems()).toMatchObject([{ what: 'photo', code: 'photo_damaged', id: saved.id }])
    const report = JSON.parse((await tab.lines())[2]!) as object
    expect(report).toMatchObject({ kind: 'correction', ref: saved.id, data: { photos: { [photo.sha256]: 'damaged' } } })
    // Said once, however often the server asks.
    await tab.sync.run()
    expect(await tab.lines()).toHaveLength(3)
  }
})

test('photos shrink to thumbnails after thirty days on the server, never before, and never unsent ones', async () => {
  const { photo } = await saveWithPhoto()
  tab.world.time += 40 * DAY
  server.faults.push(...([undefined, 'error_500'] as unknown as Fault[]))
  await tab.sync.run()
  expect((await photoRow(photo.sha256))?.bytes).toBeInstanceOf(ArrayBuffer)
  await tab.sync.run()
  const row = (await photoRow(photo.sha256))!
  expect(row).toMatchObject({ state: 'dropped', bytes: null })
  expect(new TextDecoder().decode(row.thumb)).toBe('a ph')
  const young = await saveWithPhoto('another')
  tab.world.time += 29 * DAY
  await tab.sync.run()
  expect(await photoRow(young.photo.sha256)).toMatchObject({ state: 'stored' })
  expect((await photoRow(young.photo.sha256))?.bytes).toBeInstanceOf(ArrayBuffer)
})

test('a browser that can make no thumbnail keeps the whole photo', async () => {
  const { photo } = await saveWithPhoto()
  tab.world.thumbnail = async () => null
  await tab.sync.run()
  tab.world.time += 40 * DAY
  await tab.sync.run()
  expect(await photoRow(photo.sha256)).toMatchObject({ state: 'stored' })
  expect((await photoRow(photo.sha256))?.bytes).toBeInstanceOf(ArrayBuffer)
})

test('a server that lost a photo gets it again', async () => {
  const { photo } = await saveWithPhoto()
  await tab.sync.run()
  server.memory.photos.clear()
  await tab.sync.run()
  expect(server.memory.photos.has(photo.sha256)).toBe(true)
})

test('the token is in no stored line, draft or photo', async () => {
  await saveWithPhoto()
  await tab.sync.run()
  const dump = await tab.store.read(['outbox', 'aside', 'photos', 'meta', 'drafts', 'pack'], async (tx) => {
    const all = []
    for (const name of ['outbox', 'aside', 'photos', 'meta', 'drafts', 'pack'] as const) {
      all.push(await tx.objectStore(name).getAll())
    }
    return JSON.stringify(all)
  })
  expect(dump).toContain('checkpoint')
  expect(dump).not.toContain('token-1')
})

test('the figure of the screen is the figure of the server, at every step', async () => {
  for (let i = 0; i < 20; i++) {
    await tab.check(`r${i}`)
    if (i % 3 === 0) server.faults.push((['drop', 'answer_lost', 'cut', 'error_500'] as const)[i % 4]!)
    if (i % 2 === 0) await tab.sync.run()
    const { waiting, safe } = await tab.outbox.counts()
    const { stream } = await tab.chain()
    // Never more than the server has; all that was saved is one or the other.
    expect(safe).toBeLessThanOrEqual(server.memory.streams.get(stream)?.lines.length ?? 0)
    expect(waiting + safe).toBe(i + 2)
  }
})
