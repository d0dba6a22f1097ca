/** What must be true: every tick that a person saw, compared with the phones' flash memory and the server's disk. */
import type { Disk, Held } from './disk'
import type { Header } from './network'
import type { Receipt, Row } from './server'
import type { VirtualTime } from './time'

export interface Tick {
  readonly id: string
  readonly line: string
  readonly disk: Disk
  /** When the save began and when its tick was seen, counted over all ticks. */
  readonly begun: number
  readonly order: number
  /** Saved before the phone belonged to a school: then it goes to the one that lets the phone in. */
  readonly unowned: boolean
  /** Schools that may see it. */
  readonly schools: Set<string>
  readonly photos: readonly string[]
  readonly poison: boolean
}

/** A ticked record whose only copy went with a phone's database. */
interface Destroyed {
  readonly stream: string
  readonly n: number
  /** The server was put back after that: what it had heard is gone too. */
  forgotten: boolean
  /** A power cut had taken it out of the marker before: the phone cannot know of it. */
  unmarked: boolean
}

export class Violation extends Error {}

export class Model {
  readonly story: string[] = []
  readonly ticked = new Map<string, Tick>()
  readonly disks = new Set<Disk>()
  readonly destroyed = new Map<string, Destroyed>()
  /** Lines by text: where the server's disk has them now. */
  readonly stored = new Map<string, Row[]>()
  /** Lines that ever were on the server's disk, by text. */
  readonly everStored = new Set<string>()
  /** Every receipt the server gave, once. */
  readonly receipts = new Map<string, Receipt>()
  /** Highest number that ever was on the server's disk, by stream. */
  readonly everHead = new Map<string, number>()
  /** Highest `next` in a header that the server took in, by stream; goes back with a restore. */
  heard = new Map<string, number>()
  readonly made = new Set<string>()
  /** Lines in the newest backup off the server's machine: only these may leave a phone. */
  backedUp = new Set<string>()
  /** Streams that two phones share after a copy, or that went back in time. */
  readonly shared = new Set<string>()
  /** Records that were once on a phone whose database is gone. */
  readonly wiped = new Set<string>()
  /** Those of them whose photos were not in the spare copy either. */
  readonly bare = new Set<string>()
  broken: string | null = null
  private readonly numbers = new Map<string, string>()
  private readonly numbered = new Map<string, readonly Row[]>()
  order = 0

  constructor(private readonly time: VirtualTime) {}

  tell(what: string): void {
    const at = this.time.now / 1000
    this.story.push(`${String(Math.floor(at / 60)).padStart(2, '0')}:${(at % 60).toFixed(3).padStart(6, '0')}  ${what}`)
  }

  fail(what: string): void {
    if (this.broken !== null) return
    this.broken = what
    this.tell(`VIOLATION: ${what}`)
  }

  /** A person saw the tick. */
  tick(disk: Disk, id: string, begun: number, photos: readonly string[], poison: boolean): void {
    const held = disk.lines.get(id)
    const { school } = disk
    if (held === undefined) return this.fail(`${id} was ticked but is not on flash memory`)
    this.ticked.set(id, {
      id,
      line: held.line,
      disk,
      begun,
      order: this.order++,
      unowned: school === null,
      schools: new Set(school === null ? [] : [school]),
      photos,
      poison,
    })
  }

  flushed(disk: Disk, gone: readonly Held[]): void {
    for (const { line, n, stream, id } of disk.lines.values()) {
      this.made.add(line)
      if (n === null) continue
      const key = `${stream} ${n}`
      const before = this.numbers.get(key)
      if (before === undefined) this.numbers.set(key, line)
      else if (before !== line && !this.shared.has(stream)) this.fail(`number ${n} of ${stream} was given out twice: ${id}`)
      const tick = this.ticked.get(id)
      if (tick !== undefined && tick.line !== line) this.fail(`${id} was changed on the phone`)
    }
    if (disk.school !== null) this.enrolled(disk, disk.school)
    for (const { id, line } of gone) {
      if (!this.ticked.has(id)) continue
      if (!this.isSomewhere(id, line)) this.fail(`${id} left its phone before any server had it`)
      else if (!this.backedUp.has(line)) this.fail(`${id} left its phone before any backup elsewhere had it`)
    }
  }

  /** Only what a server has, or what was put aside for a person, may go from the spare copy. */
  dropped(disk: Disk, gone: readonly Held[]): void {
    for (const { id, line } of gone) {
      if (!this.ticked.has(id) || this.everStored.has(line)) continue
      const held = disk.lines.get(id)
      if (held === undefined || held.code === null) this.fail(`${id} left the spare copy before any server had it`)
    }
  }

  committed(rows: readonly Row[]): void {
    for (const row of rows) {
      if (!this.made.has(row.line)) this.fail(`the server has a line that no phone made: ${row.line.slice(0, 120)}`)
      const known = this.stored.get(row.line)
      if (known === undefined) this.stored.set(row.line, [row])
      else known.push(row)
      this.everStored.add(row.line)
      this.numbered.set(`${row.stream} ${row.n}`, [...this.at(row.stream, row.n), row])
      this.everHead.set(row.stream, Math.max(this.everHead.get(row.stream) ?? 0, row.n))
    }
  }

  receipt(text: string): void {
    const { stream, ack, ack_hash, durable, generation, server_time, signature } = JSON.parse(text) as Receipt
    const key = [stream, ack, ack_hash, durable, generation].join(' ')
    this.receipts.set(key, { stream, ack, ack_hash, durable, generation, server_time, signature })
    if (ack > 0 && !this.at(stream, ack).some((row) => row.hash === ack_hash)) {
      this.fail(`a receipt for ${ack} of ${stream} speaks of what is not on the disk`)
    }
  }

  /** What the server's disk has under this number now: more than one row if phones of two schools share the stream. */
  at(stream: string, n: number): readonly Row[] {
    return this.numbered.get(`${stream} ${n}`) ?? []
  }

  announced(body: string): void {
    const { stream, next } = JSON.parse(body.slice(0, body.indexOf('\n'))) as Header
    this.heard.set(stream, Math.max(this.heard.get(stream) ?? 0, next))
  }

  restored(rows: readonly Row[], heard: Map<string, number>): void {
    this.heard = new Map(heard)
    this.stored.clear()
    this.numbered.clear()
    this.committed(rows)
    for (const one of this.destroyed.values()) one.forgotten = true
    for (const { id, line } of this.ticked.values()) {
      if (this.isSomewhere(id, line) || this.destroyed.has(id)) continue
      // Gone from the phone with its database and from the server with its restore: two disasters, no protocol helps.
      if (this.wiped.has(id)) this.destroyed.set(id, { stream: '', n: 0, forgotten: true, unmarked: true })
      else this.fail(`${id} was dropped by its phone, and now the restored server does not have it either`)
    }
  }

  /** A database or the spare copy went, with these lines and photos in it. */
  lost(disk: Disk, before: ReadonlyMap<string, Held>, photos: ReadonlySet<string>, marked = Infinity): void {
    // The record may have been sent, and so be in none of the two any more, while its photo still waited.
    const { photos: left } = disk
    for (const [id, tick] of this.ticked) {
      if (tick.disk === disk && tick.photos.some((name) => photos.has(name) && !left.has(name))) this.bare.add(id)
    }
    for (const { id, line, stream, n } of before.values()) {
      if (disk.lines.has(id)) continue
      this.wiped.add(id)
      const { photos } = this.ticked.get(id) ?? { photos: [] }
      if (!photos.every((name) => disk.spare?.has(`photo/${name}`))) this.bare.add(id)
      if (!this.isSomewhere(id, line)) {
        this.destroyed.set(id, { stream, n: n ?? 0, forgotten: n === null, unmarked: n !== null && n > marked })
      }
    }
  }

  /** After a kill or a power cut: what was ticked must have survived. */
  survived(): void {
    for (const { id, line } of this.ticked.values()) {
      if (!this.isSomewhere(id, line) && !this.destroyed.has(id)) this.fail(`${id} was ticked and did not survive`)
    }
  }

  /** What a screen says is on the server must at some time have been on the server's disk. */
  shown(stream: string | undefined, safe: number): void {
    if (stream === undefined || safe === 0) return
    const most = this.everHead.get(stream) ?? 0
    if (safe > most) this.fail(`a screen says ${safe} records of ${stream} are on the server, which never had more than ${most}`)
  }

  /** "Nothing waits": then all that this page has ticked must have been on the server's disk, or lie aside for all to see. */
  nothingWaits(label: string, ids: readonly string[]): void {
    for (const id of ids) {
      const { line, disk } = this.ticked.get(id)!
      const held = disk.lines.get(id)
      if (held !== undefined && held.code === null && !this.everStored.has(line)) {
        this.fail(`${label} says that nothing waits, but ${id} never was on the server`)
      }
    }
  }

  private enrolled(disk: Disk, school: string): void {
    for (const tick of this.ticked.values()) {
      if (tick.unowned && disk.lines.get(tick.id)?.code === null) tick.schools.add(school)
    }
  }

  private isSomewhere(id: string, line: string): boolean {
    if (this.stored.has(line)) return true
    for (const disk of this.disks) if (disk.lines.has(id) || disk.hasSpare(id)) return true
    return false
  }
}
