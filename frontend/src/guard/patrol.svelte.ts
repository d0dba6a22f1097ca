import { t } from '../i18n/guard'
import type { NewPhoto, Pack, PackPerson, PackPlace, PackRoute, Phone, PhoneState, RecordView, Saved } from '../outbox'
import { type Draft, newestDraft, PERSON, ROUTE, staysUnlocked } from './drafts'
import { dueRoute, nextStops, nightBounds, nightOf, openRound, placesDone, standing, checkpointData } from './round'
import { tagHash } from './scan/payload'
import { askedAt } from './tag/figure'

/** A tag that was read and is being looked at: the checklist is open on it. */
export interface Look {
  /** The code or short number; for a place that was picked from the list, the place's id. */
  readonly tag: string
  readonly method: 'camera' | 'photo' | 'typed' | 'url' | 'nfc' | 'list'
  /** performance.now() when it was read: the start of "decode to saved". */
  readonly readAt: number
  /** How long the camera saw the code before it was read, in milliseconds. */
  readonly readMs: number | null
  readonly place: PackPlace | null
  readonly notice: 'unknown' | 'otherHost' | 'revoked' | 'blank' | 'noTag' | null
  /** What the guard is asked before the checklist: where the tag hangs (it is blank, or he said that it is elsewhere),
   *  or the digits beside it. */
  readonly asks: 'place' | 'figure' | null
  /** The digits he read; null: he found none, undefined: nobody asked. */
  readonly figure?: string | null
  /** What was marked before the page was killed. */
  readonly draft: Draft | null
}

/** What was saved last and can be taken back for five seconds. */
export interface JustSaved {
  readonly id: string
  readonly placeName: string | null
  readonly marks: number
  readonly photosLost: boolean
}

const UNDO_MS = 5000
const SAY_MS = 4000

/**
 * Everything the screens of the guard page share: who holds the phone, which route, which night, what was done.
 *
 * The phone (outbox) stays the only place where anything is kept; this is a view of it and the verbs of a patrol.
 */
export class Patrol {
  state: PhoneState = $state.raw() as PhoneState
  pack: Pack | null = $state.raw(null)
  person: PackPerson | null = $state.raw(null)
  look: Look | null = $state.raw(null)
  justSaved: JustSaved | null = $state.raw(null)
  /** A sentence that goes away by itself. */
  said: string | null = $state(null)
  now = $state(Date.now())
  #records: readonly RecordView[] = $state.raw([])
  #chosenRoute: { night: string; route: string | null } | null = $state.raw(null)
  #undoTimer: ReturnType<typeof setTimeout> | undefined
  #sayTimer: ReturnType<typeof setTimeout> | undefined
  #active = Date.now()
  #saving: Promise<unknown> = Promise.resolve()
  #resumed = false

  readonly zone = $derived(this.pack?.school.zone ?? this.state.school?.zone ?? 'Asia/Shanghai')
  readonly night = $derived(nightOf(this.now, this.zone))
  readonly bounds = $derived(nightBounds(this.night, this.zone))
  readonly route: PackRoute | null = $derived.by(() => {
    const routes = this.pack?.routes ?? []
    if (this.#chosenRoute?.night === this.night) {
      const { route } = this.#chosenRoute
      return routes.find(({ id }) => id === route) ?? null
    }
    return dueRoute(routes, this.night, this.now, this.zone)
  })
  readonly places = $derived(new Map(this.pack?.places.map((place) => [place.id, place]) ?? []))
  readonly buildings = $derived(new Map(this.pack?.buildings.map(({ id, name }) => [id, name]) ?? []))
  readonly tonight = $derived(this.#records.filter(({ at }) => Date.parse(at) >= this.bounds.from))
  readonly done = $derived(placesDone(this.tonight, this.pack?.places ?? [], this.bounds))
  readonly stops = $derived((this.route?.stops ?? []).filter((id) => this.places.has(id)))
  readonly stopsDone = $derived(this.stops.filter((id) => this.done.has(id)).length)
  /** The place that was looked at last. */
  readonly last = $derived.by(() => {
    const looks = standing(this.tonight)
    const last = looks[looks.length - 1]
    return last ? checkpointData(last).place : null
  })
  readonly next = $derived(nextStops(this.stops, this.done, this.last))
  readonly round = $derived(openRound(this.tonight, this.route?.id ?? null, this.night))

  constructor(readonly phone: Phone) {
    this.state = phone.state
    phone.subscribe((state) => {
      // Another tab, or the server, changed what is kept here.
      const back = state.ready && !this.#resumed && !this.state.ready
      const moved = state.waiting !== this.state.waiting || state.safe !== this.state.safe
      this.state = state
      if (back) void this.resume()
      else if (moved) void this.reload()
    })
    phone.subscribePack((pack) => (this.pack = pack))
  }

  /** Take up where the page was left: route, person and a half-filled checklist. Call once; a storage that comes back
   *  later calls it again. */
  async resume(): Promise<void> {
    // The screens must open in any case, if only to say that the storage fails.
    await this.#resume().then(
      () => (this.#resumed = true),
      () => undefined,
    )
  }

  async #resume(): Promise<void> {
    this.#chosenRoute = (await this.phone.drafts.get<{ night: string; route: string | null }>(ROUTE)) ?? null
    const draft = await newestDraft(this.phone.drafts)
    const holder = await this.phone.drafts.get<{ id: string; active: number }>(PERSON)
    if (holder && staysUnlocked(holder.active, Date.now(), draft !== null)) {
      this.person = this.pack?.people.find(({ id }) => id === holder.id) ?? null
      this.#active = holder.active
    }
    await this.reload()
    if (draft) this.look = await this.#lookAt(draft.tag, draft.method, 0, false, draft)
  }

  /** Read tonight's records again. When they cannot be read the ones at hand stay: saving must not fail for that. */
  async reload(): Promise<void> {
    const read = await this.phone
      .records({
        since: nightBounds(nightOf(Date.now(), this.zone), this.zone).from,
        kinds: ['checkpoint', 'void', 'round_start', 'round_end', 'tag_placed'],
      })
      .catch(() => null)
    if (read) this.#records = read
  }

  /** The clock of the screen: moves the time on, and locks when nobody touched the phone for three minutes. */
  tick(): void {
    this.now = Date.now()
    if (this.person && !staysUnlocked(this.#active, this.now, this.look?.draft != null || this.#marked)) void this.lock()
  }

  /** Somebody touched the phone. */
  touch(): void {
    const before = this.#active
    this.#active = Date.now()
    if (this.person && this.#active - before > 10_000) this.#remember()
  }

  #marked = false
  /** The checklist says whether it holds marks that are not saved: such a phone does not lock by itself. */
  holdOpen(marked: boolean): void {
    this.#marked = marked
  }

  #remember(): void {
    if (!this.person) return
    this.phone.drafts.put(PERSON, { id: this.person.id, active: this.#active }).catch(() => undefined)
  }

  async unlock(person: PackPerson, verified: boolean): Promise<void> {
    this.#active = Date.now()
    this.person = person
    this.#remember()
    await this.phone.save({ kind: 'sign_in', person: person.id, tag: null, data: { verified } }).catch(() => undefined)
  }

  async lock(): Promise<void> {
    const { person } = this
    if (!person) return
    this.person = null
    // The lock must hold even when nothing can be written; the missing line is the lesser harm.
    await this.phone.drafts.remove(PERSON).catch(() => undefined)
    await this.phone.save({ kind: 'sign_out', person: person.id, tag: null, data: {} }).catch(() => undefined)
  }

  async chooseRoute(route: string | null): Promise<void> {
    this.#chosenRoute = { night: this.night, route }
    await this.phone.drafts.put(ROUTE, { night: this.night, route }).catch(() => undefined)
  }

  /** Open the checklist on a tag. Unknown and withdrawn tags open too: they are recorded and looked into later. */
  async read(
    tag: string,
    method: Look['method'],
    readAt: number,
    otherHost = false,
    readMs: number | null = null,
  ): Promise<Look> {
    this.touch()
    const look = { ...(await this.#lookAt(tag, method, readAt, otherHost, null)), readMs }
    this.look = look
    return look
  }

  async #lookAt(
    tag: string,
    method: Look['method'],
    readAt: number,
    otherHost: boolean,
    draft: Draft | null,
  ): Promise<Look> {
    if (method === 'list') {
      const place = this.places.get(tag) ?? null
      return { tag, method, readAt, place, notice: 'noTag', asks: null, draft, readMs: null }
    }
    const school = this.pack?.school.id ?? this.state.school?.id
    const hash = school ? await tagHash(school, tag) : ''
    const known = this.pack?.tags.find((one) => hash.startsWith(one.hash) || hash.startsWith(one.short_hash))
    // What was said of it here tonight, which the pack may not know yet.
    const said = this.tonight.filter((record) => record.kind === 'tag_placed' && record.tag === tag).pop()
    const place = this.places.get(said ? checkpointData(said).place! : (known?.place ?? '')) ?? null
    const blank = known !== undefined && !known.revoked && !known.place && !place
    const asks = blank ? 'place' : place?.door_figure && (await this.#asksFigure(place.id)) ? 'figure' : null
    const notice = known?.revoked ? 'revoked' : place ? null : blank ? 'blank' : otherHost ? 'otherHost' : 'unknown'
    return { tag, method, readAt, place, notice, asks, draft, readMs: null }
  }

  async #asksFigure(place: string): Promise<boolean> {
    const { pack, route, state } = this
    if (!route || !pack?.choice_key || !state.device) return false
    const doors = this.stops.filter((id) => this.places.get(id)?.door_figure)
    return (await askedAt(pack.choice_key, state.device.id, this.night, route.id, doors)) === place
  }

  /**
   * Save the checkpoint of the open look, and before it the start of the round when this is its first.
   * Resolves when it is on disk; rejects with SaveFailed, and then the checklist stays as it is.
   */
  async saveLook(look: Look, readings: Saveable, photos: NewPhoto[], marks: number): Promise<void> {
    const work = this.#saving.then(() => this.#saveLook(look, readings, photos, marks))
    this.#saving = work.catch(() => undefined)
    return work
  }

  async #saveLook(look: Look, readings: Saveable, photos: NewPhoto[], marks: number): Promise<void> {
    const person = this.person?.id ?? null
    const route = this.route?.id ?? null
    let round = this.round
    if (!round) {
      const start = { kind: 'round_start', person, tag: null, data: { route, night: this.night } } as const
      round = (await this.phone.save(start)).id
      await this.reload()
    }
    const saved: Saved = await this.phone.save(
      {
        kind: 'checkpoint',
        person,
        tag: look.method === 'list' ? null : look.tag,
        data: {
          place: look.place?.id ?? null,
          method: look.method,
          route,
          round,
          took_ms: Math.round(performance.now() - look.readAt),
          read_ms: look.readMs,
          figure: look.figure,
          readings,
        },
      },
      photos,
    )
    this.#active = Date.now()
    this.#showSaved({
      id: saved.id,
      placeName: look.place?.name ?? null,
      marks,
      photosLost: saved.photosLost.length > 0,
    })
    await this.reload()
  }

  #showSaved(saved: JustSaved): void {
    clearTimeout(this.#undoTimer)
    this.said = null
    this.justSaved = saved
    this.#undoTimer = setTimeout(() => (this.justSaved = null), UNDO_MS)
  }

  say(sentence: string): void {
    clearTimeout(this.#sayTimer)
    this.said = sentence
    this.#sayTimer = setTimeout(() => (this.said = null), SAY_MS)
  }

  /** Take the last record back: another record that voids it. Rejects when it could not be kept. */
  async undo(): Promise<void> {
    const saved = this.justSaved
    if (!saved) return
    clearTimeout(this.#undoTimer)
    this.justSaved = null
    await this.phone.save({ kind: 'void', person: this.person?.id ?? null, tag: null, data: {}, ref: saved.id })
    await this.reload()
  }

  async endRound(reason: string | null): Promise<void> {
    const { round } = this
    if (!round) return
    await this.phone.save({ kind: 'round_end', person: this.person?.id ?? null, tag: null, data: { round, reason } })
    await this.reload()
  }

  /** 高一楼, for a line under a place's name. */
  buildingOf(place: PackPlace): string {
    return this.buildings.get(place.building) ?? ''
  }

  /** 高一楼 · 3 层 · A301, for a list to pick from. */
  whereOf(place: PackPlace): string {
    return [this.buildingOf(place), t.home.floor(place.floor), place.number].filter(Boolean).join(' · ')
  }
}

type Saveable = Parameters<Phone['save']>[0]['data'][string]
