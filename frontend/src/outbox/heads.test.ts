// @vitest-environment node
import { beforeEach, expect, test } from 'vitest'
import type { Heads } from './db'
import { exchangeHeads, parseHead } from './heads'
import { openTab, type Tab } from './testing/phone'
import { type Fault, FakeServer } from './testing/server'

const [A, B] = ['a'.repeat(64), 'b'.repeat(64)]
let server: FakeServer
let tab: Tab

beforeEach(async () => {
  server = await FakeServer.make()
  tab = await openTab(server)
})

async function heads(): Promise<Heads> {
  const found = await tab.store.read(['meta'], (tx) => tx.objectStore('meta').get('heads'))
  return (found as Heads | undefined) ?? { kept: [], against: null }
}

async function exchange(newest: string, verdict = 'fits'): Promise<void> {
  server.newest = newest
  server.verdict = verdict
  await exchangeHeads(tab.world, tab.store)
}

test('a signed head is kept as it was printed, and shown to the server the next time', async () => {
  const first = await server.head(10, A)
  await exchange(first, 'none')
  const second = await server.head(12, B)
  await exchange(second)
  await exchange(second)
  expect(server.held).toEqual([null, first, second])
  expect(await heads()).toEqual({ kept: [first, second], against: null })
})

test('the newest sixty are kept', async () => {
  for (let n = 1; n <= 65; n++) await exchange(await server.head(n, A))
  const { kept } = await heads()
  expect(kept.map((text) => parseHead(text)!.number)).toEqual(Array.from({ length: 60 }, (_, i) => i + 6))
})

test('a head that another server signed, or of another school, is not kept', async () => {
  const stranger = await FakeServer.make()
  const good = await server.head(10, A)
  const wrong = [
    await stranger.head(10, A),
    await server.head(10, A, 'g1', 'school-2'),
    good.replace(' 10 ', ' 11 '),
    good.replace(A, B),
    good.slice(0, -4),
    '',
    'campus-patrol-head',
  ]
  for (const text of wrong) await exchange(text)
  expect(await heads()).toEqual({ kept: [], against: null })
})

test('an old answer that a proxy gives out again is not taken for a log that was cut', async () => {
  const first = await server.head(10, A)
  await exchange(first, 'none')
  await exchange(await server.head(12, B))
  server.answersTo = first
  await exchange(await server.head(11, A), 'head_beyond')
  expect(await heads()).toMatchObject({ kept: { length: 2 }, against: null })
})

for (const verdict of ['head_contradicts', 'head_beyond']) {
  test(`the phone says it when the server finds ${verdict}, until somebody has read it`, async () => {
    await exchange(await server.head(10, A))
    await exchange(await server.head(12, B), verdict)
    expect((await heads()).against).toMatchObject({ number: 10, day: '2026-11-22' })
    expect((await tab.outbox.counts()).against).toMatchObject({ number: 10 })
    await tab.outbox.acknowledge('against')
    expect((await tab.outbox.counts()).against).toBeNull()
    expect((await heads()).kept).toHaveLength(2)
  })
}

test('a server that was lied to is told by the phone itself: one number has one hash, and a log only grows', async () => {
  await exchange(await server.head(10, A))
  await exchange(await server.head(10, B))
  expect((await heads()).against).toMatchObject({ number: 10 })
  await tab.outbox.acknowledge('against')
  await exchange(await server.head(9, A))
  expect((await heads()).against).toMatchObject({ number: 10 })
})

test('after a restore the log may be shorter: another generation contradicts nothing', async () => {
  await exchange(await server.head(10, A))
  await exchange(await server.head(6, B, 'g2'), 'before_restore')
  expect(await heads()).toMatchObject({ against: null })
  expect((await heads()).kept).toHaveLength(2)
})

test('a head of the school before is not shown to the one after', async () => {
  const other = await server.head(3, A, 'g1', 'school-2')
  await tab.store.write(['meta'], async (tx) => {
    await tx.objectStore('meta').put({ kept: [other], against: null }, 'heads')
  })
  await exchange(await server.head(10, A))
  expect(server.held).toEqual([null])
})

const FAULTS: Fault[] = ['drop', 'cut', 'html_200', 'empty_200', 'other_json', 'portal_401', 'revoked_401', 'error_500', 'busy_503']
for (const fault of FAULTS) {
  test(`${fault} changes nothing of what is kept`, async () => {
    await exchange(await server.head(10, A))
    const before = await heads()
    server.faults.push(fault)
    await exchange(await server.head(12, B), 'head_contradicts')
    expect(await heads()).toEqual(before)
  })
}

test('the heads are in the exported file, as the server prints them', async () => {
  const text = await server.head(10, A)
  await exchange(text)
  const { blob } = await tab.outbox.exportFile()
  expect((await blob.text()).trimEnd().split('\n').pop()).toBe(JSON.stringify({ v: 1, export: 'heads', heads: [text] }))
})
