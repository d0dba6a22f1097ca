/** One phone and the guard who holds it: pages, records, photos, enrolment, and everything that befalls a phone. */
import type { Phone, NewPhoto, NewRecord, PhoneState } from '@outbox/index'
import { openPhone } from '@outbox/index'
import { openPhone as openNextPhone } from '@next/index'
import { forceCloseDatabase } from 'fake-indexeddb'
import type { Disk } from './disk'
import type { Model } from './model'
import type { Network } from './network'
import type { School, Server } from './server'
import { Locks, SimTab } from './tab'
import type { Chance, VirtualTime } from './time'

export interface Setting {
  readonly time: VirtualTime
  readonly model: Model
  readonly network: Network
  readonly server: Server
  readonly schools: readonly School[]
  /** JPEGs in base64, with their hashes. */
  readonly photos: readonly string[]
  readonly on: ReadonlySet<string>
}

interface Page {
  readonly world: SimTab
  readonly phone: Phone
  readonly label: string
  /** Ids of what it has ticked, on the database that is still there. */
  readonly ticked: string[]
}

export class Handset {
  readonly pages: Page[] = []
  readonly clock = { offset: 0, zone: 480 }
  /** The school whose person the guard signs in as; stays when the phone loses its memory. */
  home: School
  readonly copies: Disk['flushed'][] = []
  damaged = new Set<string>()
  /** Schools that it has left and photos of theirs that it keeps back. */
  readonly left = new Set<string>()
  /** Pages opened from now on run the next version of the app. */
  updated = false
  /** A stream whose end the phone has noticed by what outlived its database. */
  mustTell: string | null = null
  private locks: Locks
  private opened = 0
  private enrolling: Page | null = null

  constructor(
    readonly name: string,
    public disk: Disk,
    private readonly set: Setting,
    private readonly luck: Chance,
    home: School,
  ) {
    this.home = home
    this.locks = new Locks(set.time)
    this.adopt(disk)
  }

  adopt(disk: Disk): void {
    this.set.model.disks.add(disk)
    disk.onFlush = (gone) => this.set.model.flushed(disk, gone)
    disk.onDropped = (gone) => this.set.model.dropped(disk, gone)
    disk.onKill = () => this.kill('at a transaction')
  }

  tell(what: string): void {
    this.set.model.tell(`${this.name}: ${what}`)
  }

  /** Opens the app in one more page. */
  async open(): Promise<void> {
    const { time, network, model } = this.set
    const locks = this.disk.lockless ? new Locks(time) : this.locks
    const world = new SimTab(this.disk, locks, this.clock, time, this.luck, network.send)
    const label = `${this.name}/${++this.opened}`
    labels.set(world, label)
    model.tell(`${label}: opens the app${this.updated ? ' of the next version' : ''}`)
    const phone = await (this.updated ? openNextPhone : openPhone)(world)
    if (world.dead) return
    const page: Page = { world, phone, label, ticked: [] }
    this.pages.push(page)
    phone.subscribe((state) => {
      if (!world.dead) this.watch(page, state)
    })
    phone.start()
  }

  private watch({ label, ticked }: Page, { lastReceipt, safe, waiting, ready }: PhoneState): void {
    const { model } = this.set
    model.shown(lastReceipt?.stream, lastReceipt === null ? 0 : safe)
    if (ready && waiting === 0) model.nothingWaits(label, ticked)
  }

  /** What the guard does next. */
  async act(): Promise<void> {
    const { luck } = this
    if (this.pages.length === 0) return this.open()
    const page = luck.one(this.pages)
    if (needsHelp(page.phone.state) && luck.maybe(0.5)) return this.enrol(page)
    const dice = luck.next()
    if (dice < 0.72) return this.saveSome(page)
    if (dice < 0.8) {
      page.world.wake(luck.maybe(0.5) ? 'online' : 'visible')
    } else if (dice < 0.86) {
      model(this).tell(`${page.label}: the guard presses "send now"`)
      await page.phone.syncNow()
    } else if (dice < 0.9) {
      await page.phone.drafts.put('checklist', { place: luck.below(9) }).catch(() => {})
    } else if (dice < 0.95 && this.set.on.has('several pages') && this.pages.length < 3) {
      await this.open()
    } else if (this.pages.length > 1) {
      this.close(page, 'closes')
    }
  }

  /** Now and then in all pages at once, or twice with a finger that trembles. */
  private async saveSome(page: Page): Promise<void> {
    const { luck, pages } = this
    const at = luck.maybe(0.3) ? [...pages] : luck.maybe(0.1) ? [page, page] : [page]
    await Promise.all(at.map((one) => this.save(one)))
  }

  /** A new version was there overnight; or the browser serves an old copy for a while. */
  update(updated: boolean): void {
    this.updated = updated
    this.tell(updated ? 'the next version of the app is there' : 'an older version of the app comes from a cache')
  }

  private async save(page: Page): Promise<void> {
    const { luck, set } = this
    if (!page.phone.state.ready) return this.close(page, 'is useless and closed')
    const poison = set.on.has('poison') && luck.maybe(0.15)
    const photos: NewPhoto[] = []
    if (luck.maybe(0.14)) {
      const bytes = Buffer.from(luck.one(set.photos), 'base64')
      photos.push(await page.phone.photo(new Uint8Array(bytes).buffer, 'image/jpeg'))
    }
    const record = poison ? this.poisoned() : this.record(photos)
    const { disk, disk: { epoch } } = this
    const begun = set.model.order
    try {
      const saved = await page.phone.save(record, photos)
      if (page.world.dead || disk !== this.disk || disk.epoch !== epoch) return
      const kept = photos.filter(({ sha256 }) => !saved.photosLost.includes(sha256)).map(({ sha256 }) => sha256)
      for (const name of saved.photosLost) this.damaged.add(name)
      const what = `${poison ? 'a poisoned ' : ''}${record.kind}${photos.length > 0 ? ' with a photo' : ''}`
      set.model.tell(`${page.label}: tick for ${what}, ${saved.id.slice(-6)} = ${saved.stream.slice(0, 6)}/${saved.n}`)
      set.model.tick(disk, saved.id, begun, kept, poison)
      page.ticked.push(saved.id)
    } catch (error) {
      if (!page.world.dead) set.model.tell(`${page.label}: red, not saved (${String(error).slice(0, 90)})`)
    }
  }

  private record(photos: readonly NewPhoto[]): NewRecord {
    const { luck, home } = this
    const person = luck.one(home.people)
    const dice = luck.next()
    if (dice < 0.1) return { kind: 'sign_in', person, tag: null, data: { verified: luck.maybe(0.5) } }
    if (dice < 0.2) return { kind: 'round_start', person, tag: null, data: { route: home.route, night: '2026-11-22' } }
    if (dice < 0.25 && this.disk.lines.size > 0) {
      return { kind: 'void', person, tag: null, data: {}, ref: luck.one([...this.disk.lines.keys()]) }
    }
    const at = luck.below(home.places.length)
    const note = '灯没有关'.repeat(luck.below(luck.maybe(0.25) ? 160 : 4))
    const lights = luck.maybe(0.3) ? { value: 'on', note, photos: photos.map((one) => one.sha256) } : { value: 'off' }
    const data = { place: home.places[at]!, method: 'camera', route: null, round: null, took_ms: 2100, readings: { lights } }
    return { kind: 'checkpoint', person, tag: home.tags[at]!, data }
  }

  /** What a broken or a newer app could write: no server can make sense of it. */
  private poisoned(): NewRecord {
    const person = this.home.people[0]!
    return this.luck.one<NewRecord>([
      { kind: 'never_heard_of' as NewRecord['kind'], person, tag: null, data: {} },
      { kind: 'checkpoint', person, tag: null, data: { readings: 'all well', method: 7 } },
      { kind: 'checkpoint', person: 'x'.repeat(99), tag: null, data: {} },
      { kind: 'finding', person, tag: null, data: { note: 'half a pair \ud83d of surrogates', kind: 'hazard' } },
      { kind: 'round_end', person, tag: null, data: { round: ['not an id'], reason: '\u0000' } },
    ])
  }

  /** A person fetches a code at the desk and the phone is let in. */
  async enrol(page: Page, anywhere = true): Promise<void> {
    // A page that died at it never comes back to say so.
    if (this.enrolling !== null && !this.enrolling.world.dead) return
    this.enrolling = page
    const { set, luck } = this
    const moves = anywhere && set.on.has('another school') && luck.maybe(0.3)
    const school = moves ? luck.one(set.schools) : (this.school ?? this.home)
    const { code } = set.server.call<{ code: string }>({ do: 'code', school: school.id })
    const { disk } = this
    const left = disk.school ?? (disk.meta('school') as string | undefined)
    try {
      const answer = await page.phone.enrol(code, this.name)
      if (page.world.dead || disk !== this.disk) return
      set.model.tell(`${page.label}: enrolment in ${nameOf(set, school)}: ${answer.ok ? 'done' : answer.code}`)
      if (!answer.ok) return
      this.home = school
      if (left === undefined || left === school.id) return
      for (const { sha256, state } of disk.rows('photos')) if (state === 'refused') this.left.add(`${left} ${sha256}`)
    } finally {
      this.enrolling = null
    }
  }

  close(page: Page, how: string): void {
    page.world.die()
    this.pages.splice(this.pages.indexOf(page), 1)
    this.set.model.tell(`${page.label}: ${how}`)
  }

  /** The system kills the app; everything not complete is gone. */
  kill(why: string): void {
    this.drop()
    this.disk.interrupt(false)
    this.tell(`the app is killed ${why}`)
    this.set.model.survived()
  }

  powerCut(): void {
    this.drop()
    const { spareLines, photos } = this.disk
    this.disk.interrupt(true, this.luck.below(5_000))
    this.set.model.lost(this.disk, spareLines, photos)
    // With it goes, maybe, what localStorage remembered of a database lost before.
    this.mustTell = null
    this.tell('the battery dies; what was not flushed is gone')
    this.set.model.survived()
  }

  /** The browser gives the space to somebody else, or finds the database corrupt and starts with an empty one. */
  loseDatabase(all: boolean, live: boolean, spared: boolean): void {
    const { lines: held, spareLines, photos } = this.disk
    const chain = this.disk.meta('chain')
    const marker = this.disk.memory.get('campus-patrol-store')
    if (live) this.disk.cutConnections(forceCloseDatabase)
    else this.drop()
    this.disk.lose(all)
    if (!spared) this.disk.loseSpare()
    const what = all ? 'the browser has evicted everything' : 'the database was corrupt; the browser starts an empty one'
    this.tell(spared ? `${what}; the spare copy stays, with ${spareLines.size} records` : what)
    const mark = JSON.parse(marker ?? 'null') as { stream: string; seq: number } | null
    this.set.model.lost(this.disk, new Map([...spareLines, ...held]), photos, mark?.seq)
    this.mustTell = !all && chain !== undefined && mark !== null ? mark.stream : null
  }

  /** The phone's system restores an older copy of the app's data; localStorage stays. */
  goBack(): void {
    if (this.copies.length === 0) return
    const { lines: held, photos } = this.disk
    this.drop()
    this.disk.goBack(this.luck.one(this.copies))
    const stream = (this.disk.meta('chain') as { stream?: string } | undefined)?.stream ?? ''
    const marker = JSON.parse(this.disk.memory.get('campus-patrol-store') ?? 'null') as { stream: string } | null
    if (marker?.stream !== stream) this.set.model.shared.add(stream)
    this.mustTell = null
    this.tell('an older copy of the database comes back')
    this.set.model.lost(this.disk, held, photos)
  }

  drop(): void {
    for (const page of this.pages.splice(0)) page.world.die()
    // Pages still opening count too.
    for (const tab of [...this.disk.tabs] as SimTab[]) tab.die()
    this.disk.killIn = -1
    this.locks = new Locks(this.set.time)
  }

  get school(): School | null {
    return this.set.schools.find(({ id }) => id === this.disk.school) ?? null
  }

  get needsHelp(): boolean {
    return this.pages.some(({ phone }) => needsHelp(phone.state))
  }
}

export const labels = new WeakMap<SimTab, string>()

function needsHelp(state: PhoneState): boolean {
  const { ready, enrolled, trouble } = state
  // Only what our own server said of the token is a reason for a person to act.
  return ready && (!enrolled || (trouble?.kind === 'signed_out' && trouble.code.startsWith('device_')))
}

function model(handset: Handset): Model {
  return handset['set'].model
}

function nameOf(set: Setting, school: School): string {
  return `school ${set.schools.indexOf(school) + 1}`
}
