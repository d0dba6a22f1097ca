// @vitest-environment node
import { afterEach, expect, test, vi } from 'vitest'
import { openTab, type Tab } from './testing/phone'
import { type Fault, FakeServer } from './testing/server'
import { Profile, seeded } from './testing/world'

const FAULTS: Fault[] = [
  'drop',
  'answer_lost',
  'duplicate',
  'cut',
  'html_200',
  'empty_200',
  'none_204',
  'other_json',
  'wrong_stream',
  'wrong_request',
  'wrong_hash',
  'wrong_signature',
  'old_answer',
  'beyond',
  'low_ack',
  'portal_401',
  'revoked_401',
  'forbidden_403',
  'large_413',
  'busy_429',
  'error_500',
  'busy_503',
  'fork_409',
  'gap_409',
]
const SEEDS = 300

afterEach(() => vi.restoreAllMocks())

/** Kills the tab at its k-th transaction from now: before its writes are kept, or just after. */
class Killer {
  private left = -1
  private after = false
  private victim: Tab | null = null

  constructor() {
    const original = IDBDatabase.prototype.transaction
    const killer = this
    vi.spyOn(IDBDatabase.prototype, 'transaction').mockImplementation(function (this: IDBDatabase, ...asked) {
      if (killer.victim?.world.dead) throw new Error('this tab is dead')
      const tx = original.apply(this, asked)
      if (killer.victim !== null && killer.left-- === 0) {
        const { world } = killer.victim
        if (killer.after) tx.addEventListener('complete', () => (world.dead = true))
        else {
          world.dead = true
          tx.abort()
        }
      }
      return tx
    })
  }

  aim(victim: Tab, transactions: number, after: boolean): void {
    this.victim = victim
    this.left = transactions
    this.after = after
  }

  rest(): void {
    this.victim = null
  }
}

test(`every saved line reaches the server exactly once, unchanged and in order, in ${SEEDS} seeded runs of faults and kills`, async () => {
  const killer = new Killer()
  let kills = 0
  let moves = 0
  for (let seed = 1; seed <= SEEDS; seed++) {
    const chance = seeded(seed)
    const pick = (n: number) => Math.floor(chance() * n)
    const allowed = FAULTS.filter(() => chance() < 0.5)
    const server = await FakeServer.make()
    const profile = new Profile()
    profile.lockless = chance() < 0.3
    let tab = await openTab(server, profile, seed)
    const confirmed: string[] = []
    const old: ReturnType<FakeServer['snapshot']>[] = []
    for (let step = 0; step < 14; step++) {
      const dice = chance()
      if (allowed.length > 0 && chance() < 0.6) server.faults.push(allowed[pick(allowed.length)]!)
      const killed = chance() < 0.15
      if (killed) killer.aim(tab, pick(4), chance() < 0.5)
      if (dice < 0.55) {
        const photos = chance() < 0.2 ? [await tab.outbox.photo(randomBytes(chance, 40), 'image/jpeg')] : []
        await tab.check(`place ${seed}-${step} 三楼${'字'.repeat(pick(20))}`, photos).then(
          (saved) => {
            // A tab that died meanwhile can no longer show a tick.
            if (!tab.world.dead) confirmed.push(saved.id)
          },
          () => {},
        )
      } else if (dice < 0.9) {
        await tab.sync.run().catch(() => {})
      } else if (dice < 0.94) {
        old.push(server.snapshot())
      } else if (old.length > 0) {
        server.restore(old[pick(old.length)]!)
        old.length = 0
      }
      tab.world.time += pick(90_000)
      if (killed) {
        kills += 1
        killer.rest()
        const { time } = tab.world
        tab = await openTab(server, profile, seed * 1_000 + step)
        tab.world.time = time
      }
    }
    const held = new Map((await tab.outbox.records()).map((record) => [record.id, record.n]))
    for (const id of confirmed) expect(held.has(id), `seed ${seed}: a confirmed record left the phone`).toBe(true)
    const texts = await tab.lines()

    server.faults.length = 0
    for (let tries = 0; tries < 12; tries++) {
      tab.world.time += 300_000
      const result = await tab.sync.run()
      if (result?.outcome === 'ok') break
    }
    const chain = await tab.chain()
    expect(chain.acked, `seed ${seed}: the queue is not empty`).toBe(chain.next - 1)
    for (const text of texts) {
      const { id, photos } = JSON.parse(text) as { id: string; photos: { sha256: string }[] }
      expect(server.memory.records.get(id), `seed ${seed}: lost or changed`).toBe(text)
      for (const photo of photos) expect(server.memory.photos.has(photo.sha256), `seed ${seed}: photo`).toBe(true)
    }
    expect(confirmed.filter((id) => !server.memory.records.has(id))).toEqual([])
    // What the server has is what the phone made: nothing else, and no line under two numbers of one stream.
    const order = new Map((await tab.lines()).map((line, i) => [line, i]))
    for (const [name, stream] of server.memory.streams) {
      const places = stream.lines.map((line) => order.get(line)).filter((place) => place !== undefined)
      expect(places, `seed ${seed}: order`).toEqual([...places].sort((one, other) => one - other))
      expect(new Set(stream.lines).size, `seed ${seed}: twice in ${name}`).toBe(stream.lines.length)
    }
    expect(server.memory.streams.get(chain.stream)?.lines.length).toBe(chain.next - 1)
    expect((await tab.outbox.counts()).safe).toBe(chain.next - 1)
    expect(await tab.outbox.asideItems()).toEqual([])
    moves += server.memory.streams.size - 1
    await tab.store.close()
  }
  expect(kills).toBeGreaterThan(100)
  expect(moves).toBeGreaterThan(50)
}, 120_000)

function randomBytes(chance: () => number, length: number): ArrayBuffer {
  return Uint8Array.from({ length }, () => Math.floor(chance() * 256)).buffer
}
