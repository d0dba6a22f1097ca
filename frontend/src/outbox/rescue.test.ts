// @vitest-environment node
import { beforeEach, expect, test } from 'vitest'
import { Rescue } from './rescue'
import { openTab, type Tab } from './testing/phone'
import { type Fault, FakeServer } from './testing/server'
import { Profile } from './testing/world'

let server: FakeServer
let tab: Tab
let rescue: Rescue

beforeEach(async () => {
  server = await FakeServer.make()
  server.codes.set('CODE', null)
  tab = await openTab(server)
  rescue = new Rescue(tab.world, tab.store, tab.outbox, '1.0.0')
})

function rescued(stream: string): string[] {
  return [...server.rescued].filter(([key]) => key.startsWith(stream)).map(([, line]) => line)
}

test('a phone that is shut out hands over every line it holds and begins anew', async () => {
  await tab.check('r1')
  await tab.sync.run()
  server.tokens.clear()
  await tab.check('r2')
  await tab.check('r3')
  const [before, lines] = [await tab.chain(), await tab.lines()]
  expect(await tab.sync.run()).toMatchObject({ outcome: 'refused', code: 'device_revoked' })
  expect(await rescue.handOver('CODE')).toEqual({ ok: true, records: 4, undecided: 2 })
  expect(rescued(before.stream)).toEqual(lines)
  const after = await tab.chain()
  expect(after.stream).not.toBe(before.stream)
  const left = await tab.lines()
  expect(left.map((line) => JSON.parse(line) as object)).toMatchObject([
    { kind: 'boot', data: { reason: 'rescued', before: { stream: before.stream, next: 5 } } },
  ])
  expect(await tab.outbox.counts()).toMatchObject({ handedOver: 4, aside: 0, waiting: 1 })
})

test('what was handed over stays on the phone, in the exported file, and asks for nothing', async () => {
  await tab.check('r1')
  const lines = await tab.lines()
  await rescue.handOver('CODE')
  const { blob } = await tab.outbox.exportFile()
  const text = await blob.text()
  for (const line of lines) expect(text).toContain(`${line}\n`)
  expect(await tab.outbox.asideItems()).toEqual([])
})

const FAULTS: [Fault, string][] = [
  ['drop', 'no_network'],
  ['answer_lost', 'no_network'],
  ['cut', 'not_our_server'],
  ['html_200', 'not_our_server'],
  ['empty_200', 'not_our_server'],
  ['none_204', 'not_our_server'],
  ['other_json', 'not_our_server'],
  ['wrong_stream', 'not_our_server'],
  ['wrong_request', 'not_our_server'],
  ['portal_401', 'not_our_server'],
  ['large_413', 'not_our_server'],
  ['busy_429', 'too_many_tries'],
  ['error_500', 'not_our_server'],
  ['busy_503', 'busy'],
]

for (const [fault, code] of FAULTS) {
  test(`${fault} while handing over: nothing leaves the queue, and the same code works again`, async () => {
    await tab.check('r1')
    const [chain, lines] = [await tab.chain(), await tab.lines()]
    server.faults.push(fault)
    expect(await rescue.handOver('CODE')).toEqual({ ok: false, code })
    expect(await tab.chain()).toEqual(chain)
    expect(await tab.lines()).toEqual(lines)
    expect(await rescue.handOver('CODE')).toMatchObject({ ok: true, records: 2 })
    expect(rescued(chain.stream)).toEqual(lines)
  })
}

test('a server that names another hash than mine has not kept my records', async () => {
  await tab.check('r1')
  const lines = await tab.lines()
  const honest = tab.world.fetch.bind(tab.world)
  tab.world.fetch = async (path, request) => {
    const answer = await honest(path, request)
    return { ...answer, text: answer.text.replace(/"head":"[0-9a-f]{64}"/, `"head":"${'e'.repeat(64)}"`) }
  }
  expect(await rescue.handOver('CODE')).toEqual({ ok: false, code: 'not_our_server' })
  expect(await tab.lines()).toEqual(lines)
})

test('a wrong code leaves everything as it was', async () => {
  await tab.check('r1')
  const lines = await tab.lines()
  expect(await rescue.handOver('WRONG')).toEqual({ ok: false, code: 'rescue_unknown' })
  expect(await tab.lines()).toEqual(lines)
})

test('a record saved while the others are handed over goes along', async () => {
  await tab.check('r1')
  const honest = tab.world.fetch.bind(tab.world)
  let late: Promise<unknown> | null = null
  tab.world.fetch = async (path, request) => {
    const answer = await honest(path, request)
    late ??= tab.check('r2')
    await late
    return answer
  }
  const { stream } = await tab.chain()
  expect(await rescue.handOver('CODE')).toMatchObject({ ok: true, records: 3 })
  expect(rescued(stream)).toHaveLength(3)
  expect(await tab.outbox.counts()).toMatchObject({ handedOver: 3 })
})

test('more than one request can carry goes in several, under one code', async () => {
  for (let i = 0; i < 6; i++) await tab.check(`r${i}`)
  server.limit = 1_500
  const { stream } = await tab.chain()
  const lines = await tab.lines()
  expect(await rescue.handOver('CODE')).toMatchObject({ ok: true, records: 7 })
  expect(rescued(stream)).toEqual(lines)
  expect(tab.world.asked.length).toBeGreaterThan(2)
})

test('a line too large for the server stays on the phone, visible, and does not hold up the others', async () => {
  await tab.check('r1')
  const { id } = await tab.check('x'.repeat(3_000))
  await tab.check('r3')
  server.limit = 2_500
  expect(await rescue.handOver('CODE')).toMatchObject({ ok: true, records: 3 })
  expect(await tab.outbox.asideItems()).toMatchObject([{ id, code: 'line_too_long', onServer: false }])
})

test('rows behind a hole are handed over too', async () => {
  for (const room of ['r1', 'r2', 'r3']) await tab.check(room)
  await tab.store.write(['outbox'], (tx) => tx.objectStore('outbox').delete(2))
  const { stream } = await tab.chain()
  expect(await rescue.handOver('CODE')).toMatchObject({ ok: true, records: 3 })
  expect([...server.rescued.keys()]).toEqual([1, 3, 4].map((n) => `${stream}/${n}`))
})

test('a phone with nothing to give keeps its stream', async () => {
  await tab.store.write(['outbox'], (tx) => tx.objectStore('outbox').clear())
  const chain = await tab.chain()
  expect(await rescue.handOver('CODE')).toMatchObject({ ok: true, records: 0 })
  expect(await tab.chain()).toEqual(chain)
})

test('a phone that was never let in has nobody to give anything to', async () => {
  const stranger = await openTab(server, new Profile(), 2, false)
  await stranger.check('r1')
  const answer = await new Rescue(stranger.world, stranger.store, stranger.outbox, '1.0.0').handOver('CODE')
  expect(answer).toEqual({ ok: false, code: 'device_unknown' })
})
