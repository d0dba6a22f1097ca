// @vitest-environment node
import { beforeEach, expect, test } from 'vitest'
import type { Outcome } from './answers'
import type { Sync } from './sync'
import { openTab, type Tab } from './testing/phone'
import { FakeServer } from './testing/server'
import { Profile, settled } from './testing/world'
import { Triggers } from './triggers'

const OK: Outcome = { outcome: 'ok', status: 200, code: null, retryAfter: 0 }
const DOWN: Outcome = { outcome: 'network', status: null, code: null, retryAfter: 0 }

let server: FakeServer
let tab: Tab

beforeEach(async () => {
  server = await FakeServer.make()
  tab = await openTab(server)
})

/** Triggers over a sync that answers as told and writes down when it was asked. */
function scripted(answer: () => Outcome | Promise<Outcome>, where = tab): { triggers: Triggers; times: number[] } {
  const times: number[] = []
  const run = async (): Promise<Outcome> => {
    times.push(where.world.time)
    return answer()
  }
  const triggers = new Triggers(where.world, where.store, { run } as unknown as Sync, async () => {})
  return { triggers, times }
}

test('page load, save, online, visible, the minute and the button each try', async () => {
  const { triggers, times } = scripted(() => OK)
  triggers.start()
  await settled()
  expect(times).toHaveLength(1)
  for (const why of ['online', 'visible', 'shown'] as const) {
    for (const call of tab.world.waiters) call(why)
    await settled()
  }
  expect(times).toHaveLength(4)
  await triggers.kick('save')
  await triggers.kick('button')
  expect(times).toHaveLength(6)
  await tab.world.advance(60_000)
  expect(times).toHaveLength(7)
  triggers.stop()
  await tab.world.advance(600_000)
  expect(times).toHaveLength(7)
  expect(tab.world.waiters.size).toBe(0)
})

test('failures are met with growing patience, between two seconds and five minutes, never in step', async () => {
  const { triggers, times } = scripted(() => DOWN)
  await triggers.kick('load')
  for (let i = 0; i < 14; i++) await tab.world.advance(300_000)
  const waits = times.slice(1).map((time, i) => time - times[i]!)
  expect(Math.min(...waits)).toBeGreaterThanOrEqual(2_000)
  expect(Math.max(...waits)).toBeLessThanOrEqual(300_000)
  expect(Math.max(...waits)).toBeGreaterThan(60_000)
  expect(new Set(waits).size).toBe(waits.length)
})

test('after an hour of a dead server the queue is empty within a minute, without a reload', async () => {
  let up = false
  const { triggers, times } = scripted(() => (up ? OK : DOWN))
  triggers.start()
  await tab.world.advance(3_600_000)
  expect(times.length).toBeLessThan(200)
  up = true
  const before = times.length
  await tab.world.advance(60_000)
  expect(times.length).toBeGreaterThan(before)
  triggers.stop()
})

test('the server’s Retry-After holds for every trigger but the button', async () => {
  let answer: Outcome = { outcome: 'busy', status: 503, code: null, retryAfter: 120_000 }
  const { triggers, times } = scripted(() => answer)
  await triggers.kick('load')
  answer = OK
  for (const why of ['save', 'online', 'visible', 'timer', 'retry'] as const) await triggers.kick(why)
  await tab.world.advance(119_000)
  expect(times).toHaveLength(1)
  await triggers.kick('button')
  expect(times).toHaveLength(2)
})

test('a clock put back does not make the wait longer', async () => {
  const { triggers, times } = scripted(() => ({ outcome: 'busy', status: 503, code: null, retryAfter: 120_000 }))
  await triggers.kick('load')
  tab.world.time -= 10 * 365 * 86_400_000
  await triggers.kick('save')
  expect(times).toHaveLength(2)
})

test('after a 401 only a person starts it again', async () => {
  let answer: Outcome = { outcome: 'refused', status: 401, code: 'device_revoked', retryAfter: 0 }
  const { triggers, times } = scripted(() => answer)
  triggers.start()
  await tab.world.advance(3_600_000)
  await triggers.kick('save')
  expect(times).toHaveLength(1)
  answer = OK
  await triggers.kick('enrolled')
  await triggers.kick('save')
  expect(times).toHaveLength(3)
  triggers.stop()
})

test('a 401 that says nothing of this phone stops nothing', async () => {
  const { triggers, times } = scripted(() => ({ outcome: 'refused', status: 401, code: 'enrolment_used', retryAfter: 0 }))
  triggers.start()
  await tab.world.advance(3_600_000)
  expect(times.length).toBeGreaterThan(5)
  triggers.stop()
})

test('a save while a batch is under way is looked at once more, and never are two in flight', async () => {
  let inFlight = 0
  let most = 0
  const { triggers, times } = scripted(async () => {
    most = Math.max(most, ++inFlight)
    await settled(5)
    inFlight -= 1
    return OK
  })
  await Promise.all(['load', 'save', 'save', 'online', 'timer'].map((why) => triggers.kick(why as 'save')))
  expect(most).toBe(1)
  expect(times).toHaveLength(2)
})

test('two tabs never sync at once, with locks and without, and the second comes to its turn', async () => {
  for (const lockless of [false, true]) {
    const profile = new Profile()
    profile.lockless = lockless
    const [one, two] = [await openTab(server, profile, 11), await openTab(server, profile, 12)]
    let inFlight = 0
    let most = 0
    const answer = async (): Promise<Outcome> => {
      most = Math.max(most, ++inFlight)
      await settled(20)
      inFlight -= 1
      return OK
    }
    const [first, second] = [scripted(answer, one), scripted(answer, two)]
    await Promise.all([first.triggers.kick('save'), second.triggers.kick('save')])
    expect(most).toBe(1)
    expect(first.times.length + second.times.length).toBe(1)
    await one.world.advance(2_000)
    await two.world.advance(2_000)
    await settled()
    expect(first.times.length + second.times.length).toBe(2)
    expect(most).toBe(1)
  }
})

test('a tab that died while it held the lease does not keep the others out for long', async () => {
  const profile = new Profile()
  profile.lockless = true
  const [dead, alive] = [await openTab(server, profile, 11), await openTab(server, profile, 12)]
  void scripted(() => new Promise<Outcome>(() => {}), dead).triggers.kick('save')
  await settled()
  const { triggers, times } = scripted(() => OK, alive)
  await triggers.kick('save')
  expect(times).toHaveLength(0)
  await alive.world.advance(180_000)
  expect(times.length).toBeGreaterThan(0)
  triggers.stop()
})

test('a tab that was put to sleep with the lock in its hand does not keep the others out, one that works does', async () => {
  const profile = new Profile()
  const [asleep, awake] = [await openTab(server, profile, 11), await openTab(server, profile, 12)]
  void scripted(() => new Promise<Outcome>(() => {}), asleep).triggers.kick('save')
  await settled()
  const { triggers, times } = scripted(() => OK, awake)
  await triggers.kick('save')
  for (let minute = 0; minute < 5; minute++) {
    await awake.world.advance(60_000)
    // It sends batch after batch, and says so.
    triggers.heard()
  }
  expect(times).toHaveLength(0)
  await awake.world.advance(180_000)
  expect(times.length).toBeGreaterThan(0)
  triggers.stop()
})

test('three hundred phones after an outage come back spread out, none above one request in two seconds', async () => {
  const all: number[] = []
  for (let phone = 0; phone < 300; phone++) {
    const one = await openTab(server, new Profile(), 1_000 + phone)
    let left = 4
    const { triggers, times } = scripted(() => (left-- > 0 ? DOWN : OK), one)
    await triggers.kick('load')
    await one.world.advance(60_000)
    for (let i = 1; i < times.length; i++) expect(times[i]! - times[i - 1]!).toBeGreaterThanOrEqual(2_000)
    all.push(...times.slice(1))
    await one.store.close()
  }
  const perSecond = new Map<number, number>()
  for (const time of all) perSecond.set(Math.floor(time / 1000), (perSecond.get(Math.floor(time / 1000)) ?? 0) + 1)
  expect(Math.max(...perSecond.values())).toBeLessThan(200)
}, 60_000)
