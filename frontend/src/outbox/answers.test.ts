// @vitest-environment node
import { beforeEach, expect, test } from 'vitest'
import { isSyncAnswer } from './answers'
import { ZERO_HASH } from './chain'
import { bytesOf, openTab, type Tab } from './testing/phone'
import { digest, FakeServer, type Header } from './testing/server'
import { Profile } from './testing/world'
import type { Answer, Request } from './world'

const DAY = 24 * 3_600_000
let server: FakeServer
let tab: Tab
/** What the phone gets instead of the server's answer, if anything. */
let instead: ((path: string, request: Request) => Promise<Answer> | Answer) | null

beforeEach(async () => {
  server = await FakeServer.make()
  tab = await openTab(server)
  instead = null
  tab.world.fetch = (path, request) => Promise.resolve((instead ?? server.answer)(path, request))
})

/** Everything a record or photo could be lost from. */
function kept(): Promise<string> {
  return tab.store.read(['outbox', 'photos', 'aside', 'meta'], async (tx) => {
    const photos = await tx.objectStore('photos').getAll()
    return JSON.stringify([
      await tx.objectStore('outbox').getAll(),
      photos.map(({ bytes, ...row }) => ({ ...row, bytes: bytes && [...new Uint8Array(bytes)] })),
      await tx.objectStore('aside').getAll(),
      await tx.objectStore('meta').get('chain'),
    ])
  })
}

/** What the server would have said, had it been asked; it keeps nothing of it. */
async function truth(path: string, request: Request): Promise<Answer> {
  const before = server.snapshot()
  const answer = await server.answer(path, request)
  server.memory = before
  return answer
}

const STATUSES = [
  ...[201, 202, 203, 204, 205, 206, 226, 300, 301, 302, 303, 304, 307, 308],
  ...[400, 402, 403, 404, 405, 406, 407, 408, 410, 411, 412, 414, 415, 416, 417, 418, 421, 422, 423, 424, 425],
  ...[426, 428, 429, 431, 451, 460, 499, 500, 501, 502, 503, 504, 505, 507, 508, 511, 520, 521, 522, 524, 525, 530, 599],
]

test('no status but 200 confirms anything, not even with a receipt that is true to the letter', async () => {
  const photo = await tab.outbox.photo(bytesOf('a photo'), 'image/jpeg')
  await tab.check('r1', [photo])
  tab.world.time += 3 * DAY
  server.durable = 2
  const before = await kept()
  for (const status of STATUSES) {
    instead = async (path, request) => ({ ...(await truth(path, request)), status })
    expect((await tab.sync.run())?.outcome, String(status)).not.toBe('ok')
    expect(await kept(), String(status)).toBe(before)
  }
  instead = null
  expect((await tab.sync.run())?.outcome).toBe('ok')
  expect(server.memory.records.size).toBe(2)
})

const BODIES = [
  ...['', ' ', '\0', 'OK', 'null', 'true', '0', '200', '""', '[]', '{}', '[{}]', '{"ok":true}', '{"status":"ok"}'],
  ...['{"ack":1}', '{"stream":null}', '<html>', '<!doctype html><title>认证</title>', '\ufeff{}', '{"code":"ok"}'],
  ...['{"ack":9007199254740993}', '{"__proto__":{"ack":2}}', '{"ack":2,"ack"', `{"ack":${'9'.repeat(400)}}`],
]

test('a 200 with any other words than our server’s own confirms nothing', async () => {
  await tab.check('r1')
  const before = await kept()
  for (const text of BODIES) {
    instead = () => ({ status: 200, retryAfter: null, text })
    expect((await tab.sync.run())?.outcome, text).toBe('portal')
    expect(await kept(), text).toBe(before)
  }
})

test('a photo is called stored by our server’s own yes to that very photo, and by no other answer', async () => {
  const photo = await tab.outbox.photo(bytesOf('a photo'), 'image/jpeg')
  await tab.check('r1', [photo])
  const yes = JSON.stringify({ sha256: photo.sha256, size: photo.size })
  const another = JSON.stringify({ sha256: await digest('another'), size: photo.size })
  const answers: Answer[] = [
    ...STATUSES.filter((status) => status !== 201).map((status) => ({ status, retryAfter: null, text: yes })),
    ...[...BODIES, another].flatMap((text) => [200, 201].map((status) => ({ status, retryAfter: null, text }))),
  ]
  for (const answer of answers) {
    instead = (path, request) => (path.includes('/photos/') ? answer : server.answer(path, request))
    expect((await tab.sync.run())?.outcome, JSON.stringify(answer)).not.toBe('ok')
    expect((await tab.outbox.counts()).photosWaiting, JSON.stringify(answer)).toBe(1)
    expect(await tab.outbox.asideItems(), JSON.stringify(answer)).toEqual([])
  }
  instead = null
  expect((await tab.sync.run())?.outcome).toBe('ok')
  expect([...server.memory.photos.keys()]).toEqual([photo.sha256])
})

test('a receipt with one field missing or of another kind confirms nothing', async () => {
  await tab.check('r1')
  const before = await kept()
  const fields = 'stream request ack ack_hash durable generation quarantined want_photos server_time signature'.split(' ')
  for (const field of fields) {
    for (const wrong of [undefined, null, -1, 1.5, true, {}, field === 'ack' || field === 'durable' ? '2' : 7]) {
      instead = async (path, request) => {
        const answer = await truth(path, request)
        const said = { ...(JSON.parse(answer.text) as object), [field]: wrong }
        expect(isSyncAnswer(said)).toBe(false)
        return { ...answer, text: JSON.stringify(said) }
      }
      expect((await tab.sync.run())?.outcome, `${field}: ${String(wrong)}`).toBe('portal')
      expect(await kept(), `${field}: ${String(wrong)}`).toBe(before)
    }
  }
})

test('an answer cut at any byte confirms nothing', async () => {
  await tab.check('r1')
  const before = await kept()
  let length = 2
  for (let cut = 0; cut < length; cut += 7) {
    instead = async (path, request) => {
      const answer = await truth(path, request)
      length = answer.text.length
      return { ...answer, text: answer.text.slice(0, cut) }
    }
    expect((await tab.sync.run())?.outcome).toBe('portal')
    expect(await kept()).toBe(before)
  }
  expect(length).toBeGreaterThan(300)
})

test('every receipt heard before, for the same stream, is worth nothing for what was saved since', async () => {
  const old: Answer[] = []
  for (let i = 0; i < 5; i++) {
    await tab.check(`r${i}`)
    instead = async (path, request) => {
      const answer = await server.answer(path, request)
      old.push(answer)
      return answer
    }
    await tab.sync.run()
  }
  await tab.check('new')
  const before = await kept()
  for (const answer of old) {
    instead = () => answer
    expect((await tab.sync.run())?.outcome).toBe('portal')
    expect(await kept()).toBe(before)
  }
})

/** The first `count` lines of a batch with a header that fits them: a server that came so far and no further. */
async function firstOf(body: string, count: number): Promise<string> {
  const [head, ...lines] = body.trimEnd().split('\n')
  const header = JSON.parse(head!) as Header
  let hash = header.prev
  for (const [i, line] of lines.slice(0, count).entries()) {
    hash = await digest(`campus-patrol-1\0${header.stream}\0${header.from + i}\0${hash}\0${line}`)
  }
  return [JSON.stringify({ ...header, count, head: hash }), ...lines.slice(0, count)].map((line) => `${line}\n`).join('')
}

test('a server that came as far as record k is believed as far as record k, and sent the rest', async () => {
  const SIZE = 12
  for (let k = 0; k <= SIZE; k++) {
    server = await FakeServer.make()
    tab = await openTab(server, new Profile(), 30 + k)
    for (let i = 1; i < SIZE; i++) await tab.check(`r${i}`)
    const lines = await tab.lines()
    const sent: Header[] = []
    tab.world.fetch = async (path, request) => {
      const body = String(request.body)
      sent.push(JSON.parse(body.split('\n')[0]!) as Header)
      if (sent.length > 1) throw new TypeError('network')
      return server.answer(path, { ...request, body: await firstOf(body, k) })
    }
    await tab.sync.run()
    expect(await tab.outbox.counts()).toMatchObject({ waiting: SIZE - k, safe: k })
    expect((await tab.outbox.waitingRecords()).map((one) => one.n)).toEqual(lines.map((_, i) => i + 1).slice(k))
    expect(await tab.lines()).toEqual(lines)
    tab.world.fetch = (path, request) => {
      sent.push(JSON.parse(String(request.body).split('\n')[0]!) as Header)
      return server.answer(path, request)
    }
    expect((await tab.sync.run())?.outcome).toBe('ok')
    expect(sent[sent.length - 1]).toMatchObject({ from: k + 1, count: SIZE - k })
    expect(server.memory.streams.get((await tab.chain()).stream)?.lines).toEqual(lines)
  }
})

test('a server that confirmed what it never kept is sent all of it again as soon as it says so', async () => {
  const saved = [await tab.check('r1'), await tab.check('r2')]
  const lines = await tab.lines()
  // It lies well: with the right hash, which the header told it, and its own signature.
  instead = truth
  expect((await tab.sync.run())?.outcome).toBe('ok')
  expect(server.memory.records.size).toBe(0)
  expect((await tab.outbox.counts()).safe).toBe(3)
  tab.world.time += 30 * DAY
  saved.push(await tab.check('r3'))
  instead = null
  expect((await tab.sync.run())?.outcome).toBe('ok')
  expect(saved.every(({ id }) => server.memory.records.has(id))).toBe(true)
  expect(server.memory.streams.get((await tab.chain()).stream)?.lines.slice(0, 3)).toEqual(lines)
})

test('a receipt for more than the phone holds, or for another history, moves no row to safety', async () => {
  const saved = await tab.check('r1')
  for (const lie of [
    { ack: 3 },
    { ack: 2 ** 31 },
    { ack: 2, ack_hash: ZERO_HASH },
    { ack: 1, ack_hash: 'a'.repeat(64) },
    { ack: 0, ack_hash: 'a'.repeat(64) },
  ]) {
    instead = async (path, request) => {
      const answer = await truth(path, request)
      return { ...answer, text: JSON.stringify({ ...(JSON.parse(answer.text) as object), durable: 2 ** 31, ...lie }) }
    }
    tab.world.time += 3 * DAY
    expect((await tab.sync.run())?.outcome).not.toBe('ok')
    expect((await tab.outbox.counts()).safe).toBe(0)
    expect((await tab.outbox.waitingRecords()).map(({ id }) => id)).toContain(saved.id)
  }
  instead = null
  tab.world.time += 300_000
  expect((await tab.sync.run())?.outcome).toBe('ok')
  expect(server.memory.records.has(saved.id)).toBe(true)
})

test('300 lines that the server cannot read, at random places, hold up none of the others and are all shown', async () => {
  const chance = (i: number) => Math.sin(i * 12.9898) * 43758.5453
  const poisoned = new Set<string>()
  for (let i = 0; i < 600; i++) {
    const { id } = await tab.check(`r${i}`)
    if (chance(i) - Math.floor(chance(i)) < 0.5 || i > 560) poisoned.add(id)
  }
  const codes = ['not_json', 'shape_invalid', 'kind_unknown', 'id_conflict', 'version_unknown']
  for (const [i, id] of [...poisoned].entries()) server.poison.set(id, codes[i % codes.length]!)
  expect(poisoned.size).toBeGreaterThanOrEqual(300)
  const lines = await tab.lines()
  expect((await tab.sync.run())?.outcome).toBe('ok')
  expect(await tab.outbox.counts()).toMatchObject({ waiting: 0, aside: poisoned.size })
  expect(server.memory.streams.get((await tab.chain()).stream)?.lines).toEqual(lines)
  expect(new Set((await tab.outbox.asideItems()).map(({ id }) => id))).toEqual(poisoned)
  expect(await tab.lines()).toEqual(lines)
})
