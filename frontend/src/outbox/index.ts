/** The phone's memory and its way to the server, as one object for the screens. Imports no UI. */
import { version } from '../../package.json'
import { tagHash as hashTag } from './chain'
import { StorageFailed, Store } from './db'
import { type EnrolAnswer, Enrolment, type PinAnswer } from './device'
import { Outbox } from './outbox'
import type { Progress } from './photos'
import type { Rescue, RescueAnswer } from './rescue'
import { Sync } from './sync'
import { Triggers } from './triggers'
import type { Kind, LastTry, NewPhoto, NewRecord, Pack, PhoneState, PhotoType, Saved, Trouble } from './types'
import { browserWorld, type World } from './world'

export type { EnrolAnswer, PinAnswer } from './device'
export { SaveFailed } from './outbox'
export type { RescueAnswer } from './rescue'
export type * from './types'

export const appVersion: string = version

/** Refusals in a row after which a person should know. */
const REFUSALS = 3
const PACK_AGE = 10 * 60_000

const NOTHING: PhoneState = {
  ready: false,
  enrolled: false,
  device: null,
  school: null,
  waiting: 0,
  safe: 0,
  photosWaiting: 0,
  sending: null,
  safeUntil: null,
  aside: 0,
  handedOver: 0,
  persisted: null,
  lastTry: null,
  lastReceipt: null,
  trouble: null,
}

export class Phone {
  private shown: PhoneState = NOTHING
  private held: Pack | null = null
  private packAt: number | null = null
  private refusals = 0
  private asked = false
  private reading: Promise<void> | null = null
  private stale = false
  private readonly watchers = new Set<(state: PhoneState) => void>()
  private readonly packWatchers = new Set<(pack: Pack | null) => void>()
  private readonly store: Store
  private readonly outbox: Outbox
  private readonly enrolment: Enrolment
  private readonly triggers: Triggers
  private readonly cancel: (() => void)[] = []

  constructor(private readonly world: World) {
    this.store = new Store(world)
    this.outbox = new Outbox(world, this.store, appVersion)
    this.enrolment = new Enrolment(world, this.store, this.outbox, appVersion)
    const sync = new Sync(world, this.store, this.outbox, appVersion, (sending) => this.progress(sending))
    this.triggers = new Triggers(world, this.store, sync, (result) => this.tried(result))
    this.store.onReplaced((failure) => this.stumble(failure))
    this.cancel.push(world.onTold(() => void this.told()))
  }

  /** Self test, first stream, first figures. Never rejects: unusable storage shows as trouble, and no round may start. */
  async open(): Promise<void> {
    try {
      await this.store.selfTest()
      await this.outbox.open()
      this.setPack(await this.enrolment.storedPack())
      this.publish({ ready: true, persisted: await this.world.persisted() })
      await this.refresh()
    } catch (error) {
      this.stumble(error)
    }
  }

  /** Begins to send. A storage that failed at the start is tried again each time somebody looks at the page. */
  start(): void {
    if (this.shown.ready) return this.triggers.start()
    const stop = this.world.onWake(() => {
      void this.open().then(() => {
        if (!this.shown.ready || this.cancel.indexOf(stop) < 0) return
        this.cancel.splice(this.cancel.indexOf(stop), 1)
        stop()
        this.triggers.start()
      })
    })
    this.cancel.push(stop)
  }

  stop(): void {
    this.triggers.stop()
    for (const call of this.cancel.splice(0)) call()
    void this.store.close()
  }

  get state(): PhoneState {
    return this.shown
  }

  get pack(): Pack | null {
    return this.held
  }

  subscribe(call: (state: PhoneState) => void): () => void {
    this.watchers.add(call)
    call(this.shown)
    return () => this.watchers.delete(call)
  }

  subscribePack(call: (pack: Pack | null) => void): () => void {
    this.packWatchers.add(call)
    call(this.held)
    return () => this.packWatchers.delete(call)
  }

  /** Resolves only when the record is on the disk. Rejects with SaveFailed: show red, keep the form. */
  async save(record: NewRecord, photos: readonly NewPhoto[] = []): Promise<Saved> {
    const saved = await this.outbox.save(record, photos).catch((error: unknown) => {
      void this.refresh()
      throw error
    })
    await this.refresh()
    void this.triggers.kick('save')
    if (this.shown.persisted !== true && !this.asked) void this.askToPersist()
    return saved
  }

  photo(bytes: ArrayBuffer, type: PhotoType): Promise<NewPhoto> {
    return this.outbox.photo(bytes, type)
  }

  records(filter?: { since?: number; kinds?: readonly Kind[]; limit?: number }) {
    return this.outbox.records(filter)
  }

  waitingRecords() {
    return this.outbox.waitingRecords()
  }

  asideItems() {
    return this.outbox.asideItems()
  }

  /** Sends something that was put aside once more; nothing happens when it cannot help or is gone. */
  async sendAgain(key: string): Promise<void> {
    await this.outbox.sendAgain(key).catch((error: unknown) => this.stumble(error))
    await this.refresh()
    void this.triggers.kick('save')
  }

  exportFile() {
    return this.outbox.exportFile()
  }

  get drafts() {
    return this.outbox.drafts
  }

  /** What the trouble of this moment says was read by somebody. */
  async acknowledge(): Promise<void> {
    await this.outbox.acknowledge(this.shown.trouble?.kind === 'log' ? 'against' : 'lost')
    await this.refresh()
  }

  /** The "send now" button; resolves when the try has ended. */
  async syncNow(): Promise<void> {
    await this.triggers.kick('button')
  }

  async enrol(code: string, name: string): Promise<EnrolAnswer> {
    try {
      const answer = await this.enrolment.enrol(code, name)
      if (answer.ok) {
        this.setPack(await this.enrolment.storedPack())
        this.world.tell()
        await this.refresh()
        void this.triggers.kick('enrolled')
      }
      return answer
    } catch (error) {
      this.stumble(error)
      return { ok: false, code: 'storage' }
    }
  }

  /**
   * Gives everything held here to a supervisor, for a phone that is not let in any more. The code that does it comes
   * with the screen that asks for it: no first paint has to wait for it.
   */
  async handOver(Way: typeof Rescue, code: string): Promise<RescueAnswer> {
    try {
      const answer = await new Way(this.world, this.store, this.outbox, appVersion).handOver(code)
      await this.refresh()
      return answer
    } catch (error) {
      this.stumble(error)
      return { ok: false, code: 'storage' }
    }
  }

  async refreshPack(): Promise<'new' | 'unchanged' | 'failed'> {
    try {
      const pack = await this.enrolment.fetchPack()
      if (pack === 'failed') return 'failed'
      this.packAt = this.world.elapsed()
      void this.witness()
      if (pack === null) return 'unchanged'
      this.setPack(pack)
      this.world.tell()
      await this.refresh()
      return 'new'
    } catch {
      return 'failed'
    }
  }

  /** Never in the way of anything: the next time will do, and the code for it may come later. */
  private async witness(): Promise<void> {
    try {
      const { exchangeHeads } = await import('./heads')
      await exchangeHeads(this.world, this.store)
      await this.refresh()
    } catch {
      return
    }
  }

  /** A storage that fails is said in `state.trouble`; it is no reason to keep a guard out. */
  async checkPin(person: string, pin: string): Promise<PinAnswer> {
    try {
      return await this.enrolment.checkPin(person, pin)
    } catch (error) {
      this.stumble(error)
      return { ok: true, verified: false }
    }
  }

  private setPack(pack: Pack | null): void {
    this.held = pack
    for (const call of this.packWatchers) call(pack)
  }

  private progress(sending: Progress): void {
    if (sending !== null || this.shown.sending !== null) this.publish({ sending })
  }

  private async tried(result: LastTry | null): Promise<void> {
    if (result === null) return this.refresh()
    this.refusals = result.outcome === 'refused' ? this.refusals + 1 : 0
    this.publish({ lastTry: result })
    await this.refresh()
    const old = this.packAt === null || this.world.elapsed() - this.packAt > PACK_AGE
    if (result.outcome === 'ok' && old) void this.refreshPack()
  }

  /** Another tab saved, sent or enrolled. */
  private async told(): Promise<void> {
    this.triggers.heard()
    await this.refresh()
    if (this.shown.trouble?.kind !== 'signed_out') this.triggers.resume()
    const pack = await this.enrolment.storedPack().catch(() => this.held)
    if (pack?.cursor !== this.held?.cursor || pack?.school.id !== this.held?.school.id) this.setPack(pack)
  }

  private async askToPersist(): Promise<void> {
    // Some browsers put the question to the person each time.
    this.asked = true
    this.publish({ persisted: await this.world.persist() })
  }

  /** Reads the figures from the disk; calls that come meanwhile share one more reading. */
  private refresh(): Promise<void> {
    if (this.reading !== null) {
      this.stale = true
      return this.reading
    }
    this.reading = (async () => {
      do {
        this.stale = false
        await this.readFigures()
      } while (this.stale)
    })().finally(() => {
      this.reading = null
    })
    return this.reading
  }

  private async readFigures(): Promise<void> {
    try {
      const { receipt, stopped, lost, against, ...figures } = await this.outbox.counts()
      const device = await this.enrolment.current()
      this.publish({
        ...figures,
        ready: true,
        lastReceipt: receipt,
        enrolled: device !== null,
        device: device?.device ?? null,
        school: device?.school ?? null,
        trouble:
          stopped !== null
            ? { kind: 'signed_out', ...stopped }
            : lost !== null
              ? { kind: 'lost', ...lost }
              : against !== null
                ? { kind: 'log', ...against }
                : receipt?.verified === false
                  ? { kind: 'unsigned', at: receipt.at }
                  : this.serverTrouble(),
      })
    } catch (error) {
      this.stumble(error)
    }
  }

  private serverTrouble(): Trouble | null {
    const { lastTry } = this.shown
    if (lastTry === null || this.refusals < REFUSALS) return null
    return { kind: 'server', status: lastTry.status ?? 0, code: lastTry.code, at: lastTry.at }
  }

  private stumble(error: unknown): void {
    const known = error instanceof StorageFailed ? error : new StorageFailed('broken', String(error))
    this.publish({ ready: false, trouble: { kind: 'storage', reason: known.reason, detail: known.detail } })
  }

  private publish(change: Partial<PhoneState>): void {
    this.shown = { ...this.shown, ...change }
    for (const call of this.watchers) call(this.shown)
  }
}

/** Opens the phone's memory; call `start()` to begin syncing. Never rejects. */
export async function openPhone(world: World = browserWorld()): Promise<Phone> {
  const phone = new Phone(world)
  await phone.open()
  return phone
}

/** 32 hex digits, which begin with `hash` or `short_hash` of the pack's tag. `code` upper-case, as printed. */
export function tagHash(school: string, code: string): Promise<string> {
  return hashTag(browserWorld(), school, code)
}
