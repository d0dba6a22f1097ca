// @vitest-environment node
import { beforeEach, expect, test } from 'vitest'
import type { PhotoRow } from './db'
import { bytesOf, openTab, type Tab } from './testing/phone'
import { FakeServer, json, problem } from './testing/server'

let server: FakeServer
let tab: Tab

beforeEach(async () => {
  server = await FakeServer.make()
  tab = await openTab(server)
})

async function refused(code: string): Promise<string> {
  const { id } = await tab.check('r1')
  server.poison.set(id, code)
  await tab.check('r2')
  await tab.sync.run()
  return id
}

test('a record that a server did not know yet is sent again, byte for byte, and is then no longer aside', async () => {
  const id = await refused('version_unknown')
  const [line] = (await tab.lines()).filter((one) => one.includes(id))
  expect(await tab.outbox.asideItems()).toMatchObject([{ id, again: true }])
  server.poison.clear()
  await tab.outbox.sendAgain(id)
  expect(await tab.outbox.counts()).toMatchObject({ aside: 0, waiting: 1 })
  expect(await tab.sync.run()).toMatchObject({ outcome: 'ok' })
  expect(server.memory.records.get(id)).toBe(line)
  expect(await tab.outbox.counts()).toMatchObject({ aside: 0, waiting: 0 })
  expect((await tab.outbox.records()).filter((one) => one.id === id)).toMatchObject([{ state: 'safe', code: null }])
})

test('a record that is refused once more is aside once more', async () => {
  const id = await refused('kind_unknown')
  await tab.outbox.sendAgain(id)
  await tab.sync.run()
  expect(await tab.outbox.asideItems()).toMatchObject([{ id, code: 'kind_unknown' }])
  expect(await tab.outbox.counts()).toMatchObject({ aside: 1, waiting: 0 })
})

test('a record that contradicts another is not offered: no number of tries would help', async () => {
  const id = await refused('id_conflict')
  expect(await tab.outbox.asideItems()).toMatchObject([{ id, again: false }])
  await tab.outbox.sendAgain(id)
  expect(await tab.outbox.counts()).toMatchObject({ aside: 1, waiting: 0 })
})

test('pressed twice, or in two tabs at once, it is sent once', async () => {
  const id = await refused('version_unknown')
  const other = await openTab(server, tab.world.profile, 2)
  await Promise.all([tab.outbox.sendAgain(id), other.outbox.sendAgain(id), tab.outbox.sendAgain(id)])
  expect((await tab.lines()).filter((line) => line.includes(id))).toHaveLength(2)
  expect(await tab.outbox.counts()).toMatchObject({ waiting: 1 })
})

test('a line that was too large goes once the limit is higher', async () => {
  const { id } = await tab.check('x'.repeat(3_000))
  server.limit = 2_500
  await tab.sync.run()
  await tab.sync.run()
  expect(await tab.outbox.asideItems()).toMatchObject([{ id, code: 'line_too_long', onServer: false, again: true }])
  server.limit = 512 * 1024
  await tab.outbox.sendAgain(id)
  await tab.sync.run()
  expect(server.memory.records.get(id)).toContain('x'.repeat(3_000))
})

test('a photo that was too large waits again when asked to', async () => {
  const photo = await tab.outbox.photo(bytesOf('a large photo'), 'image/jpeg')
  await tab.check('r1', [photo])
  const honest = tab.world.fetch.bind(tab.world)
  tab.world.fetch = async (path, request) =>
    path.startsWith('/api/v1/photos/') ? problem(413, 'too_large') : honest(path, request)
  await tab.sync.run()
  const [item] = await tab.outbox.asideItems()
  expect(item).toMatchObject({ what: 'photo', code: 'too_large', again: true })
  tab.world.fetch = async (path, request) =>
    path.startsWith('/api/v1/photos/') ? json(201, { sha256: photo.sha256 }) : honest(path, request)
  await tab.outbox.sendAgain(item!.key)
  await tab.sync.run()
  const row = await tab.store.read(['photos'], (tx) => tx.objectStore('photos').get(photo.sha256))
  expect((row as PhotoRow).state).toBe('stored')
  expect(await tab.outbox.counts()).toMatchObject({ aside: 0 })
})
