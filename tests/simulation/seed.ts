/** One seed from beginning to end. */
import { Disk } from './disk'
import { Handset, labels, type Setting } from './handset'
import { Model } from './model'
import { Network, NETWORK_FAULTS, type RequestFault, SERVER_FAULTS } from './network'
import type { Row, School, Server } from './server'
import { Chance, VirtualTime } from './time'
import { verify } from './verify'

/** What befalls phones and the server between requests; half of these and of the requests' faults are off in each run. */
const EVENTS = [
  'page killed',
  'app killed',
  'app killed at a transaction',
  'power cut',
  'eviction',
  'corruption',
  'older copy',
  'full',
  'lost connection',
  'hidden commit',
  'clock jump',
  'other zone',
  'copied phone',
  'damaged photo',
  'server killed',
  'server restored',
  'torn backup',
  'revoked',
  'app update',
  'app downgrade',
] as const
const HABITS = ['several pages', 'poison', 'another school', 'no locks', 'backups elsewhere'] as const
/** Disasters that would leave nothing to look at if they came as often as the others. */
const RARE = new Set<string>(['eviction', 'corruption', 'older copy', 'copied phone', 'revoked'])
const PHONES = [1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 4, 5, 8]
const MOST_PHONES = 8
/** The promise: so long after the faults stop, every queue is empty. */
const PROMISE = 60_000
/** Where locks do not reach other pages, a dead page's lease must run out first. */
const LEASE = 120_000

/** What came of a backup or a restore. */
interface Kept {
  readonly refused: boolean
  readonly rows: readonly Row[]
}

export interface Result {
  readonly seed: number
  readonly broken: string | null
  readonly story: readonly string[]
  readonly ticks: number
  readonly phones: number
  readonly requests: number
  /** How often each of them struck. */
  readonly faults: Record<string, number>
}

export async function run(seed: number, server: Server): Promise<Result> {
  const luck = new Chance(seed)
  const time = new VirtualTime()
  time.take()
  const model = new Model(time)
  const crashes = (error: unknown) => model.fail(`an error that nobody caught: ${String((error as Error)?.stack ?? error)}`)
  process.on('unhandledRejection', crashes)
  try {
    return await play(seed, server, luck, time, model)
  } finally {
    process.off('unhandledRejection', crashes)
  }
}

async function play(seed: number, server: Server, luck: Chance, time: VirtualTime, model: Model): Promise<Result> {
  const on = new Set<string>([...NETWORK_FAULTS, ...SERVER_FAULTS, ...EVENTS, ...HABITS].filter(() => luck.maybe(0.5)))
  const begun = server.call<{ schools: School[]; photos: string[] }>({
    do: 'begin',
    seed,
    schools: 1 + luck.below(3),
  })
  const network = new Network(server, model, time, new Chance(luck.seed()), (tab) => labels.get(tab) ?? 'a page')
  network.on = [...NETWORK_FAULTS, ...SERVER_FAULTS].filter((one): one is RequestFault => on.has(one))
  network.rate = luck.between(0.05, 0.5)
  const set: Setting = { time, model, network, server, schools: begun.schools, photos: begun.photos, on }
  const handsets: Handset[] = []
  const add = (disk: Disk, home: School) => {
    const handset = new Handset(`phone ${handsets.length + 1}`, disk, set, new Chance(luck.seed()), home)
    handsets.push(handset)
    return handset
  }
  const size = luck.one(PHONES)
  for (let i = 0; i < size; i++) {
    const disk = new Disk(time)
    disk.lockless = on.has('no locks')
    disk.persistAnswer = luck.one([true, false, null])
    add(disk, luck.one(begun.schools))
  }
  model.tell(`seed ${seed}: ${size} phones, ${begun.schools.length} schools; on: ${[...on].join(', ')}`)
  const length = luck.between(20_000, size > 3 ? 50_000 : 120_000)
  const events = EVENTS.filter((one) => on.has(one))
  const counts: Record<string, number> = {}
  let over = false

  const live = async (handset: Handset) => {
    while (!over) {
      await time.sleep(luck.between(100, luck.maybe(0.1) ? 30_000 : 4_000))
      if (!over) await Promise.race([handset.act(), time.sleep(15_000)])
    }
  }
  const befall = async () => {
    while (!over && events.length > 0) {
      await time.sleep(luck.between(300, 12_000))
      const event = luck.one(events)
      if (over || (RARE.has(event) && !luck.maybe(0.4))) continue
      counts[event] = (counts[event] ?? 0) + 1
      strike(event, luck.one(handsets))
    }
  }
  const kept: Map<string, number>[] = []
  const strike = (event: (typeof EVENTS)[number], handset: Handset) => {
    const { disk, clock } = handset
    switch (event) {
      case 'page killed':
        if (handset.pages.length > 0) handset.close(luck.one(handset.pages), 'is killed by the system')
        break
      case 'app killed':
        handset.kill('by the system')
        break
      case 'app killed at a transaction':
        disk.killIn = luck.below(6)
        disk.killAfter = luck.maybe(0.5)
        break
      case 'power cut':
        handset.powerCut()
        break
      case 'eviction':
        handset.loseDatabase(true, luck.maybe(0.3), luck.maybe(0.5))
        break
      case 'corruption':
        handset.loseDatabase(false, luck.maybe(0.3), luck.maybe(0.5))
        break
      case 'older copy':
        if (luck.maybe(0.5)) handset.goBack()
        else if (disk.flushed !== null) handset.copies.push(disk.flushed)
        break
      case 'full':
        disk.full = true
        handset.tell('no room on the phone')
        time.after(luck.between(500, 20_000), () => (disk.full = false))
        break
      case 'lost connection':
        disk.loseConnection = 1 + luck.below(6)
        break
      case 'hidden commit':
        disk.hideComplete = 1 + luck.below(6)
        break
      case 'clock jump':
        clock.offset += luck.one([-1, 1]) * luck.one([3_000, 600_000, 86_400_000, 2.6e8, 3.2e11])
        handset.tell(`the clock jumps to ${new Date(1_795_361_400_000 + clock.offset).toISOString().slice(0, 16)}`)
        break
      case 'other zone':
        clock.zone = luck.one([-600, 0, 330, 480, 540])
        break
      case 'copied phone':
        if (handsets.length < MOST_PHONES && disk.flushed !== null) copy(handset)
        break
      case 'damaged photo': {
        const name = disk.damagePhoto((n) => luck.below(n))
        if (name !== null) {
          for (const one of handsets) one.damaged.add(name)
          handset.tell(`photo ${name.slice(0, 8)} is damaged on flash memory`)
        }
        break
      }
      case 'server killed':
        server.call({ do: 'kill' })
        network.downUntil = time.now + luck.between(200, 15_000)
        model.tell('the server is killed')
        break
      case 'server restored':
        if (kept.length === 0 || luck.maybe(0.4)) backUp()
        else restore()
        break
      case 'torn backup': {
        const making = kept.length === 0 || luck.maybe(0.5)
        const which = luck.below(kept.length)
        const { refused } = making
          ? server.call<Kept>({ do: 'backup', at: time.now, elsewhere: on.has('backups elsewhere'), torn: true })
          : server.call<Kept>({ do: 'restore', at: time.now, which, torn: true })
        model.tell(`a backup is torn${making ? ' while it is made' : ', and somebody wants to restore it'}`)
        if (!refused) model.fail('a torn backup was taken for a whole one')
        break
      }
      case 'revoked':
        server.call({ do: 'revoke', school: handset.school?.id ?? '', name: handset.name })
        handset.tell('its token is revoked at the desk')
        break
      case 'app update':
        handset.update(true)
        break
      case 'app downgrade':
        if (!handset.updated) break
        handset.update(false)
        time.after(luck.between(1_000, 15_000), () => handset.update(true))
        break
    }
  }
  const backUp = () => {
    const elsewhere = on.has('backups elsewhere')
    if (server.call<Kept>({ do: 'backup', at: time.now, elsewhere, torn: false }).refused) {
      return model.fail('the server cannot be backed up')
    }
    if (elsewhere) model.backedUp = new Set(model.stored.keys())
    kept.push(new Map(model.heard))
    if (kept.length > 3) kept.shift()
    model.tell('the server is backed up')
  }
  const restore = () => {
    // What lies in the newest backup elsewhere may be gone from phones, so no older one is ever put back then.
    const which = on.has('backups elsewhere') ? kept.length - 1 : luck.below(kept.length)
    const { refused, rows } = server.call<Kept>({ do: 'restore', at: time.now, which, torn: false })
    if (refused) return model.fail('a backup cannot be restored')
    model.tell(`the server is restored from backup ${which + 1} of ${kept.length}: ${rows.length} lines`)
    model.restored(rows, kept[which]!)
  }
  const copy = (handset: Handset) => {
    model.shared.add((handset.disk.meta('chain') as { stream?: string } | undefined)?.stream ?? '')
    const twin = add(handset.disk.clone(), handset.home)
    twin.damaged = handset.damaged
    twin.updated = handset.updated
    Object.assign(twin.clock, handset.clock)
    handset.tell(`its memory is copied to ${twin.name}`)
    void live(twin)
  }

  for (const handset of handsets) void live(handset)
  void befall()
  const stop = () => model.broken !== null
  const result = (): Result => {
    const { broken, story, ticked } = model
    return { seed, broken, story, ticks: ticked.size, phones: handsets.length, requests: network.requests, faults: { ...counts, ...network.struck } }
  }
  await time.run(length, stop)

  over = true
  if (stop()) return result()
  network.on = []
  network.offline.clear()
  network.downUntil = network.smallUntil = 0
  network.reset()
  for (const { disk } of handsets) {
    disk.full = false
    disk.killIn = -1
    disk.loseConnection = disk.hideComplete = 0
  }
  for (const handset of handsets) if (handset.disk.version > 1 && !handset.updated) handset.update(true)
  model.tell('—— the faults stop; phones are opened, and those that ask for it are enrolled again')
  // What was under way ends; then somebody looks at each phone.
  await time.run(time.now + 5_000, stop)
  for (let visit = 0; visit < 3 && !stop() && (visit === 0 || handsets.some(unwell)); visit++) {
    for (const handset of handsets) {
      for (const page of [...handset.pages]) if (!page.phone.state.ready) handset.close(page, 'is reloaded')
      if (handset.pages.length === 0) void handset.open()
    }
    await time.run(time.now + 2_000 + (on.has('no locks') ? LEASE : 0), stop)
    for (const handset of handsets) for (const { world } of handset.pages) world.wake('online')
    await time.run(time.now + 4_000, stop)
    for (const handset of handsets) if (handset.needsHelp) void handset.enrol(handset.pages[0]!, false)
    await time.run(time.now + 2_000, stop)
  }
  for (const handset of handsets) for (const { world } of handset.pages) world.wake('online')
  await time.run(time.now + PROMISE, stop)
  // A phone that the server asked for quiet hears only then that it is not let in.
  if (!stop() && handsets.some(({ needsHelp }) => needsHelp)) {
    for (const handset of handsets) if (handset.needsHelp) void handset.enrol(handset.pages[0]!, false)
    await time.run(time.now + PROMISE, stop)
  }
  if (!stop()) verify(set, handsets)
  if (!stop()) model.tell('everything is where it should be')
  return result()
}

function unwell(handset: Handset): boolean {
  return handset.needsHelp || handset.pages.length === 0 || handset.pages.some(({ phone }) => !phone.state.ready)
}
