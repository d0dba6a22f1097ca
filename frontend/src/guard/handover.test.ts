// @vitest-environment node
import { beforeEach, expect, test } from 'vitest'
import { openPhone, type PackPerson, type Phone } from '../outbox'
import { Store } from '../outbox/db'
import { bytesOf, checkpoint, putDevice } from '../outbox/testing/phone'
import { FakeServer, problem } from '../outbox/testing/server'
import { Profile, settled, TabWorld } from '../outbox/testing/world'
import { Patrol } from './patrol.svelte'

const WANG: PackPerson = { id: 'wang', name: '王建国', role: 'guard' }
const LI: PackPerson = { id: 'li', name: '李秀英', role: 'repairer' }

let server: FakeServer
let world: TabWorld
let phone: Phone
let patrol: Patrol

beforeEach(async () => {
  server = await FakeServer.make()
  world = new TabWorld(new Profile(), server.answer)
  phone = await openPhone(world)
  await putDevice(new Store(world), server)
  patrol = new Patrol(phone)
  await patrol.resume()
})

/** Lines, photos and drafts as they lie on the phone. */
async function held(): Promise<{ lines: string[]; photos: unknown[]; aside: unknown[]; draft: unknown }> {
  return new Store(world).read(['outbox', 'photos', 'aside', 'drafts'], async (tx) => ({
    lines: (await tx.objectStore('outbox').getAll()).map((row) => row.line),
    photos: (await tx.objectStore('photos').getAll()).map(({ sha256, bytes, state }) => [sha256, bytes?.byteLength, state]),
    aside: await tx.objectStore('aside').getAll(),
    draft: await tx.objectStore('drafts').get('checklist'),
  }))
}

test('a server that refuses every call with 401 and people who come and go take nothing from the queue', async () => {
  await patrol.unlock(WANG, true)
  const refused = await phone.save(checkpoint('r0'))
  server.poison.set(refused.id, 'shape_invalid')
  await phone.syncNow()
  world.fetch = async () => problem(401, 'device_revoked')
  const photo = await phone.photo(bytesOf('a photo'), 'image/jpeg')
  await phone.save(checkpoint('r1', [photo]), [photo])
  for (const place of ['r2', 'r3']) await phone.save(checkpoint(place))
  await phone.drafts.put('checklist', { tag: '7K3Q9ZX0A1', method: 'camera', marks: {} })
  const before = await held()
  expect(before.aside).toHaveLength(1)
  for (let i = 0; i < 5; i++) {
    await phone.syncNow()
    await phone.refreshPack()
    await phone.checkPin(LI.id, '246810')
    await patrol.lock()
    await patrol.unlock(i % 2 === 0 ? LI : WANG, false)
    world.time += 24 * 3_600_000
  }
  phone.stop()
  phone = await openPhone(world)
  patrol = new Patrol(phone)
  await patrol.resume()
  const after = await held()
  expect(after.lines.slice(0, before.lines.length)).toEqual(before.lines)
  expect(after.lines).toHaveLength(before.lines.length + 10)
  expect({ ...after, lines: null }).toEqual({ ...before, lines: null })
  expect(phone.state).toMatchObject({ waiting: after.lines.length - 3, trouble: { kind: 'signed_out' } })
  // Enrolled again, all of it goes.
  server.tokens.clear()
  server.tokens.add('token-2')
  await putDevice(new Store(world), server, 'token-2')
  world.fetch = (path, request) => server.answer(path, request)
  await phone.syncNow()
  expect(phone.state).toMatchObject({ waiting: 0, photosWaiting: 0, trouble: null })
  expect([...server.memory.streams.values()][0]?.lines).toEqual(after.lines)
  expect(server.memory.photos.size).toBe(1)
})

test('a record keeps its author when somebody else unlocks the phone before it is sent', async () => {
  server.faults.push('drop', 'drop', 'drop', 'drop', 'drop', 'drop')
  await patrol.unlock(WANG, true)
  await patrol.saveLook(await patrol.read('7K3Q9ZX0A1', 'camera', 0), {}, [], 0)
  await patrol.lock()
  await patrol.unlock(LI, true)
  await patrol.saveLook(await patrol.read('M4XT7YPB2C', 'camera', 0), {}, [], 0)
  await settled()
  server.faults.length = 0
  await phone.syncNow()
  const records = [...server.memory.records.values()].map((line) => JSON.parse(line) as Record<string, unknown>)
  const authors = records.filter(({ kind }) => kind === 'checkpoint').map(({ tag, person }) => [tag, person])
  expect(authors).toEqual([
    ['7K3Q9ZX0A1', WANG.id],
    ['M4XT7YPB2C', LI.id],
  ])
  // Who sends is the phone: the request names nobody.
  for (const { request } of world.asked) expect(String(request.body).split('\n')[0]).not.toMatch(/wang|li"/)
})
