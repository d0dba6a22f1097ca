// @vitest-environment node
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { PhotoRow } from './db'
import { Enrolment } from './device'
import { Spare, spareIn } from './spare'
import { bytesOf, copied, openTab, putDevice, type Tab } from './testing/phone'
import { FakeServer, json } from './testing/server'
import { Profile, seeded } from './testing/world'
import { browserWorld } from './world'

let server: FakeServer
let profile: Profile

beforeEach(async () => {
  server = await FakeServer.make()
  profile = new Profile()
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllGlobals()
})

async function idsOf(tab: Tab): Promise<string[]> {
  return (await tab.lines()).map((line) => (JSON.parse(line) as { id: string }).id)
}

async function photoRow(tab: Tab, name: string): Promise<PhotoRow | undefined> {
  return tab.store.read(['photos'], (tx) => tx.objectStore('photos').get(name))
}

test('a database that is lost comes back from the spare copy, in its order and byte for byte', async () => {
  const before = await openTab(server, profile)
  for (let i = 0; i < 20; i++) await before.check(`三楼 "${i}" \u2028`)
  await copied(before)
  const lines = await before.lines()
  const { stream } = await before.chain()
  profile.loseDatabase()
  const after = await openTab(server, profile, 2)
  const [boot, ...rest] = await after.lines()
  expect(rest).toEqual(lines)
  expect(JSON.parse(boot!)).toMatchObject({ kind: 'boot', data: { reason: 'lost', before: { stream, next: 1 } } })
  expect((await after.chain()).stream).not.toBe(stream)
  expect((await after.outbox.counts()).lost).toMatchObject({ stream, records: 21, back: 21, missing: 0 })
  expect(await after.sync.run()).toMatchObject({ outcome: 'ok' })
  expect([...server.memory.records.values()]).toEqual(expect.arrayContaining(lines))
  expect(server.memory.records.size).toBe(22)
})

test('a photo that waits comes back with its record; one that does not is told to the server as lost', async () => {
  const before = await openTab(server, profile)
  const [whole, spoilt] = [
    await before.outbox.photo(bytesOf('a picture'), 'image/png'),
    await before.outbox.photo(bytesOf('another picture'), 'image/jpeg'),
  ]
  const first = await before.check('r1', [whole])
  await before.check('r2', [spoilt])
  await copied(before)
  const name = `photo/${spoilt.sha256}`
  profile.spare!.set(name, profile.spare!.get(name)!.slice(0, -1))
  profile.loseDatabase()
  const after = await openTab(server, profile, 2)
  expect(await photoRow(after, whole.sha256)).toMatchObject({ state: 'waiting', type: 'image/png', record: first.id })
  expect(await photoRow(after, spoilt.sha256)).toMatchObject({ state: 'lost', bytes: null })
  expect(await after.sync.run()).toMatchObject({ outcome: 'ok' })
  expect([...server.memory.photos.keys()]).toEqual([whole.sha256])
  const said = [...server.memory.records.values()].find((line) => line.includes('"correction"'))
  expect(JSON.parse(said!)).toMatchObject({ data: { photos: { [spoilt.sha256]: 'lost' } } })
})

test('a photo whose record the server has already comes back for its own school', async () => {
  const before = await openTab(server, profile)
  const photo = await before.outbox.photo(bytesOf('a picture'), 'image/jpeg')
  await before.check('r1', [photo])
  server.faults.push(...([undefined, 'drop'] as never[]))
  await before.sync.run()
  await copied(before)
  expect([...profile.spare!.keys()]).toEqual([`photo/${photo.sha256}`])
  profile.loseDatabase()
  const after = await openTab(server, profile, 2, false)
  expect(await photoRow(after, photo.sha256)).toMatchObject({ state: 'waiting' })
})

test('a copy that is half dead gives what it still has, and the phone says how many are missing', async () => {
  const before = await openTab(server, profile)
  for (const place of ['r1', 'r2', 'r3', 'r4', 'r5']) await before.check(place)
  await copied(before)
  const { stream } = await before.chain()
  const ids = await idsOf(before)
  const kept = profile.spare!
  kept.delete(`${stream}/2`)
  const cut = kept.get(`${stream}/3`)!
  kept.set(`${stream}/3`, cut.slice(0, cut.byteLength - 9))
  // One character of a line, which is good JSON as before.
  const bytes = new Uint8Array(kept.get(`${stream}/4`)!)
  bytes[new TextDecoder().decode(bytes).lastIndexOf('"r3"') + 1]! ^= 1
  kept.set('garbage', bytesOf('{"stream":7}\nnothing'))
  kept.set('photo/garbage', bytesOf('no line at all'))
  profile.loseDatabase()
  const after = await openTab(server, profile, 2)
  const [first, ...rest] = await after.lines()
  expect(rest.map((line) => (JSON.parse(line) as { id: string }).id)).toEqual([ids[0], ids[4], ids[5]])
  expect(JSON.parse(first!)).toMatchObject({ data: { reason: 'lost', before: { stream, next: 5 } } })
  expect((await after.outbox.counts()).lost).toMatchObject({ back: 3, missing: 3 })
})

test('what the server has is not missed: only numbers behind its last receipt are counted', async () => {
  const before = await openTab(server, profile)
  await before.check('r1')
  await before.sync.run()
  await copied(before)
  expect([...profile.spare!.keys()]).toEqual([])
  await before.check('r2')
  await copied(before)
  profile.loseDatabase()
  const after = await openTab(server, profile, 2)
  expect((await after.outbox.counts()).lost).toMatchObject({ records: 3, back: 1, missing: 0 })
  expect(await idsOf(after)).toHaveLength(2)
  expect(JSON.parse((await after.lines())[0]!)).toMatchObject({ data: { before: { next: 3 } } })
})

test('nothing is copied before the tick, nothing is taken out before the receipt', async () => {
  const tab = await openTab(server, profile)
  await copied(tab)
  let open = 0
  const original = IDBDatabase.prototype.transaction
  vi.spyOn(IDBDatabase.prototype, 'transaction').mockImplementation(function (this: IDBDatabase, ...asked) {
    const tx = original.apply(this, asked)
    if (asked[1] === 'readwrite') {
      open++
      tx.addEventListener('complete', () => open--)
    }
    return tx
  })
  const put = vi.spyOn(profile.spare!, 'set').mockImplementation(function (this: typeof profile.spare, name, bytes) {
    expect(open).toBe(0)
    return Map.prototype.set.call(this, name, bytes)
  })
  const { n, stream } = await tab.check('r1')
  expect(put).not.toHaveBeenCalled()
  await copied(tab)
  expect(put).toHaveBeenCalledTimes(1)
  server.faults.push('error_500')
  await tab.sync.run()
  await copied(tab)
  expect([...profile.spare!.keys()]).toContain(`${stream}/${n}`)
  await tab.sync.run()
  await copied(tab)
  expect([...profile.spare!.keys()]).toEqual([])
})

test('a receipt whose answer came after the copy was read doubles nothing', async () => {
  const before = await openTab(server, profile)
  const saved = await before.check('r1')
  await copied(before)
  const copy = new Map(profile.spare)
  await before.sync.run()
  await copied(before)
  profile.spare = copy
  profile.loseDatabase()
  const after = await openTab(server, profile, 2)
  await after.sync.run()
  expect(server.memory.records.has(saved.id)).toBe(true)
  expect(server.memory.quarantine).toEqual([])
})

test('a page killed while it brings lines back brings each of them once', async () => {
  const before = await openTab(server, profile)
  for (let i = 0; i < 5; i++) await before.check(`r${i}`)
  await copied(before)
  const ids = await idsOf(before)
  const kept = new Map(profile.spare)
  profile.loseDatabase()
  for (let round = 0; round < 3; round++) {
    const tab = await openTab(server, profile, 2 + round)
    await copied(tab)
    tab.world.dead = true
    const now = await idsOf(tab)
    expect(now.filter((id) => ids.includes(id))).toEqual(ids)
    expect(new Set(now).size).toBe(now.length)
    // Dead before it could tidy up: the old entries are all still there.
    for (const [name, bytes] of kept) profile.spare!.set(name, bytes)
  }
})

test('a database that went back in time gets from the copy what it had not yet', async () => {
  const before = await openTab(server, profile)
  await before.check('r1')
  await before.store.close()
  const copy = structuredClone(await before.store.read(['outbox'], (tx) => tx.objectStore('outbox').getAll()))
  const chain = await before.chain()
  const late = [await before.check('r2'), await before.check('r3')].map(({ id }) => id)
  await copied(before)
  await before.store.write(['meta', 'outbox'], async (tx) => {
    await tx.objectStore('outbox').clear()
    for (const row of copy) await tx.objectStore('outbox').add(row)
    await tx.objectStore('meta').put(chain, 'chain')
  })
  const after = await openTab(server, profile, 2)
  expect((await idsOf(after)).slice(0, -1)).toEqual([...copy.map(({ id }) => id), ...late])
  const boot = JSON.parse((await after.lines()).pop()!) as { data: unknown }
  expect(boot.data).toMatchObject({ reason: 'lost', before: { stream: chain.stream, next: 1 } })
  expect((await after.outbox.counts()).lost).toMatchObject({ back: 2, missing: 0 })
  await copied(after)
  expect((await after.chain()).stream).toBe((await (await openTab(server, profile, 3)).chain()).stream)
})

test('a copy that does not answer holds nobody up, and is still there for the next page', async () => {
  const before = await openTab(server, profile)
  const { id } = await before.check('r1')
  await copied(before)
  profile.loseDatabase()
  const answer = vi.spyOn(Spare.prototype, 'back').mockReturnValue(new Promise(() => {}))
  const opening = openTab(server, profile, 2)
  const stuck = [...profile.tabs].pop()!
  await vi.waitFor(() => expect(stuck.timers.size).toBeGreaterThan(0))
  await vi.waitFor(() => expect(answer).toHaveBeenCalled())
  await stuck.advance(3_000)
  const tab = await opening
  expect(await idsOf(tab)).toHaveLength(1)
  expect((await tab.outbox.counts()).lost).toMatchObject({ records: 2 })
  answer.mockRestore()
  const later = await openTab(server, profile, 3)
  await copied(later)
  expect(await idsOf(later)).toContain(id)
  await copied(later)
  expect((await later.sync.run())?.outcome).toBe('ok')
  expect(server.memory.records.has(id)).toBe(true)
})

test('a spare storage that throws, is full or is missing never disturbs saving or opening', async () => {
  for (const [seed, broken] of (['throws', 'full', 'missing'] as const).entries()) {
    const own = new Profile()
    const tab = await openTab(server, own, 50 + seed)
    tab.world.spare = async () => {
      if (broken === 'missing') return null
      if (broken === 'throws') throw new DOMException('not here', 'SecurityError')
      const full = () => Promise.reject(new DOMException('no room', 'QuotaExceededError'))
      return { names: async () => [], take: async () => null, put: full, remove: full }
    }
    const photo = await tab.outbox.photo(bytesOf(`a picture ${broken}`), 'image/jpeg')
    const saved = await tab.check('r1', [photo])
    expect(saved.photosLost).toEqual([])
    expect(await tab.sync.run()).toMatchObject({ outcome: 'ok' })
    await copied(tab)
    expect(server.memory.records.has(saved.id)).toBe(true)
    own.loseDatabase()
    expect((await tab.check('r2')).n).toBeGreaterThan(1)
  }
})

test('two tabs copy and take out side by side, and after a loss both find the same stream', async () => {
  const [one, two] = [await openTab(server, profile), await openTab(server, profile, 2)]
  const saved = await Promise.all([1, 2, 3, 4].flatMap((k) => [one.check(`a${k}`), two.check(`b${k}`)]))
  await Promise.all([copied(one), copied(two)])
  profile.loseDatabase()
  const tabs = await Promise.all([openTab(server, profile, 3), openTab(server, profile, 4)])
  const chains = await Promise.all(tabs.map((tab) => tab.chain()))
  expect(chains[0]!.stream).toBe(chains[1]!.stream)
  expect((await idsOf(tabs[0]!)).filter((id) => saved.some((one) => one.id === id))).toHaveLength(8)
  await tabs[1]!.sync.run()
  await Promise.all(tabs.map(copied))
  expect([...profile.spare!.keys()]).toEqual([])
})

test('what a page could not copy before it died, the next one copies', async () => {
  const tab = await openTab(server, profile)
  await copied(tab)
  const photo = await tab.outbox.photo(bytesOf('a picture'), 'image/jpeg')
  profile.spare = null
  tab.world.spare = async () => null
  const { id } = await tab.check('r1', [photo])
  await copied(tab)
  const next = await openTab(server, profile, 2)
  await copied(next)
  profile.loseDatabase()
  const after = await openTab(server, profile, 3)
  expect(await idsOf(after)).toContain(id)
  expect(await photoRow(after, photo.sha256)).toMatchObject({ state: 'waiting' })
})

test('a single record never takes the place of an entry that holds many', async () => {
  const tab = await openTab(server, profile)
  for (const place of ['r1', 'r2', 'r3']) await tab.check(place)
  await tab.outbox.move((await tab.chain()).stream)
  // All of it in one turn: the copy of the new stream is made when the next record is saved already.
  const saving = [tab.check('r4'), tab.check('r5')]
  await Promise.all(saving)
  const next = await openTab(server, profile, 2)
  await next.check('r6')
  await Promise.all([copied(tab), copied(next)])
  const lines = await tab.lines()
  profile.loseDatabase()
  expect((await (await openTab(server, profile, 3)).lines()).slice(1)).toEqual(lines)
})

test('the copy follows its records to another stream', async () => {
  const tab = await openTab(server, profile)
  await tab.check('r1')
  await tab.sync.run()
  const { id } = await tab.check('r2')
  await tab.outbox.move((await tab.chain()).stream)
  await copied(tab)
  const { stream } = await tab.chain()
  expect([...profile.spare!.keys()].every((name) => name.startsWith(`${stream}/`))).toBe(true)
  const lines = await tab.lines()
  profile.loseDatabase()
  const after = await openTab(server, profile, 2)
  expect(await idsOf(after)).toContain(id)
  expect((await after.lines()).slice(1)).toEqual(lines)
  expect((await after.outbox.counts()).lost).toMatchObject({ missing: 0 })
})

test('records handed to a supervisor or put aside for another school leave the copy', async () => {
  const tab = await openTab(server, profile)
  await tab.check('r1', [await tab.outbox.photo(bytesOf('a picture'), 'image/jpeg')])
  const { stream, head } = await tab.chain()
  await tab.outbox.handedOver(stream, head, new Set())
  await copied(tab)
  profile.loseDatabase()
  const after = await openTab(server, profile, 2)
  expect((await after.lines()).map((line) => (JSON.parse(line) as { kind: string }).kind)).toEqual(['boot', 'boot'])
})

test('what came back of one school is never sent to another', async () => {
  const before = await openTab(server, profile)
  const { id } = await before.check('r1')
  await copied(before)
  profile.loseDatabase()
  const after = await openTab(server, profile, 2, false)
  expect(await idsOf(after)).toContain(id)
  const school = { id: 'school-2', name: '另一所', zone: 'Asia/Shanghai', language: 'zh-CN' }
  const lists = { people: [], buildings: [], places: [], tags: [], routes: [], questions: [], findings: [] }
  const pack = { cursor: 'c', made_at: '2026-11-22T15:30:00.000Z', school, ...lists }
  after.world.fetch = async () => json(201, { device: { id: 'd2', name: 'x' }, token: 'token-2', server_key: null, pack })
  const enrolment = new Enrolment(after.world, after.store, after.outbox, '1.0.0')
  expect(await enrolment.enrol('code', 'x')).toMatchObject({ ok: true })
  expect(await idsOf(after)).not.toContain(id)
  expect((await after.outbox.asideItems()).find((item) => item.id === id)).toMatchObject({ code: 'other_school' })
})

test('what is found of another school beside a phone that is enrolled goes aside', async () => {
  const before = await openTab(server, profile)
  const { id } = await before.check('r1')
  await copied(before)
  const copy = new Map(profile.spare)
  profile.wipe()
  const after = await openTab(server, profile, 2, false)
  await putDevice(after.store, server)
  await after.store.write(['device'], async (tx) => {
    const row = (await tx.objectStore('device').get('device')) as { school: { id: string } }
    await tx.objectStore('device').put({ ...row, school: { ...row.school, id: 'school-2' } } as never, 'device')
  })
  await copied(after)
  profile.spare = copy
  const next = await openTab(server, profile, 3, false)
  await copied(next)
  expect(await idsOf(next)).not.toContain(id)
  expect((await next.outbox.asideItems()).find((item) => item.id === id)).toMatchObject({ code: 'other_school' })
})

test('every record of a random walk comes back if it was copied', async () => {
  const chance = seeded(7)
  let tab = await openTab(server, profile)
  const ids: string[] = []
  for (let step = 0; step < 60; step++) {
    const dice = chance()
    if (dice < 0.6) ids.push((await tab.check(`r${step}`)).id)
    else if (dice < 0.75) await tab.sync.run()
    else if (dice < 0.85) await tab.outbox.move((await tab.chain()).stream)
    await copied(tab)
    if (dice < 0.9) continue
    if (chance() < 0.6) profile.loseDatabase()
    tab = await openTab(server, profile, 100 + step)
  }
  await tab.sync.run()
  expect(ids.filter((id) => !server.memory.records.has(id))).toEqual([])
})

test('a cache of the browser is the storage, apart from the service worker’s', async () => {
  const caches = new Map<string, Map<string, Response>>()
  vi.stubGlobal('navigator', {})
  vi.stubGlobal('caches', {
    has: async (name: string) => caches.has(name),
    open: async (name: string) => {
      const kept = caches.get(name) ?? new Map<string, Response>()
      caches.set(name, kept)
      return {
        keys: async () => [...kept.keys()].map((path) => ({ url: `https://school.example${path}` })),
        match: async (path: string) => kept.get(path)?.clone(),
        put: async (path: string, answer: Response) => void kept.set(path, answer),
        delete: async (path: string) => kept.delete(path),
      } as unknown as Parameters<typeof spareIn>[0]
    },
  })
  const world = browserWorld()
  expect(await world.spare(false)).toBeNull()
  const spare = (await world.spare(true))!
  await spare.put('ab/1', bytesOf('一'))
  expect(await spare.names()).toEqual(['ab/1'])
  expect(new TextDecoder().decode((await spare.take('ab/1'))!)).toBe('一')
  expect(await spare.take('ab/2')).toBeNull()
  await spare.remove('ab/1')
  expect(await (await world.spare(false))!.names()).toEqual([])
  expect([...caches.keys()]).toEqual(['campus-patrol-spare'])
  vi.stubGlobal('caches', undefined)
  expect(await world.spare(true)).toBeNull()
})
