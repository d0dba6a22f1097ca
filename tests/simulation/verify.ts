/** The last look: every queue empty, every tick accounted for, every figure on every screen true. */
import type { Handset, Setting } from './handset'
import type { Tick } from './model'
import type { Findings } from './server'

export function verify(set: Setting, handsets: readonly Handset[]): void {
  // Two phones with the same stream, by a copy, may even be of two schools; a receipt does not say of which.
  const receipts = [...set.model.receipts.values()].filter(({ stream }) => !set.model.shared.has(stream))
  const found = set.server.call<Findings>({ do: 'check', receipts })
  for (const wrong of found.wrong) set.model.fail(`on the server: ${wrong}`)
  checkTicks(set, handsets, found)
  checkOrder(set)
  checkReceipts(set)
  for (const handset of handsets) checkPhone(set, handset, found)
  for (const handset of handsets) if (handset.mustTell !== null) checkTold(set, handset, handset.mustTell, found)
}

function checkTicks({ model, on }: Setting, handsets: readonly Handset[], found: Findings): void {
  const photos = new Set(found.photos.map(({ school, sha256 }) => `${school} ${sha256}`))
  const aside = new Set(found.quarantine.map(({ line }) => line))
  for (const tick of model.ticked.values()) {
    const rows = model.stored.get(tick.line) ?? []
    if (rows.length === 0) checkMissing(tick)
    for (const { school } of rows) {
      if (!tick.schools.has(school)) model.fail(`${tick.id} is in a school that must not see it`)
    }
    if (rows.length === 0) continue
    if (tick.poison) {
      if (!aside.has(tick.line)) model.fail(`poisoned ${tick.id} is not shown to a supervisor`)
      continue
    }
    for (const school of new Set(rows.map((row) => row.school))) {
      const counted = rows.filter((row) => row.school === school && row.id === tick.id).length
      if (counted !== 1) model.fail(`${tick.id} counts ${counted} times on the server`)
      for (const name of tick.photos) {
        if (photos.has(`${school} ${name}`) || model.bare.has(tick.id)) continue
        const reported = handsets.some(
          ({ damaged, left, disk }) => damaged.has(name) || left.has(`${school} ${name}`) || other(disk, name) || outlived(disk, name),
        )
        if (!reported) model.fail(`photo ${name.slice(0, 8)} of ${tick.id} is not on the server and nobody says so`)
      }
    }
  }

  function checkMissing({ id }: Tick): void {
    const gone = model.destroyed.get(id)
    if (gone !== undefined) {
      const { stream, n, forgotten } = gone
      // What one of two phones with the same stream announced says nothing of the other.
      if (forgotten || model.shared.has(stream) || n >= (model.heard.get(stream) ?? 0)) return
      const row = found.streams.find((one) => one.stream === stream)
      if (row === undefined || row.next <= n || row.head >= n) model.fail(`${id} is lost (${n} of ${stream}) and nobody says so`)
      return
    }
    // Parked because of its size, or of a school that the phone has left: visible on the phone, and only there.
    const kept = handsets.map(({ disk }) => disk.lines.get(id)).find((one) => one !== undefined)
    if (kept?.code !== 'line_too_long' && kept?.code !== 'other_school') model.fail(`${id} is not on the server`)
  }

  /** Gone from the phone after thirty days of its clock, then from the server with a restore: the phone says so. */
  function outlived(disk: Handset['disk'], name: string): boolean {
    const months = on.has('clock jump') && on.has('server restored')
    return months && disk.rows('aside').some((row: { key: string; code: string }) => row.key === `photo:${name}`)
  }

  /** Photos of a school which the phone has left are kept back; all that are sent here are good, so no refusal is right. */
  function other(disk: Handset['disk'], name: string): boolean {
    const kept = disk.rows('photos').some((row: { sha256: string; state: string }) => row.sha256 === name && row.state === 'refused')
    return kept && !disk.rows('aside').some((row: { key: string }) => row.key === `photo:${name}`)
  }
}

/** A record whose save began after another's tick stands behind it, in every stream that has both. */
function checkOrder({ model }: Setting): void {
  const streams = new Map<string, { n: number; tick: Tick }[]>()
  for (const tick of model.ticked.values()) {
    for (const { school, stream, n } of model.stored.get(tick.line) ?? []) {
      if (model.shared.has(stream)) continue
      const key = `${school} ${stream}`
      streams.set(key, [...(streams.get(key) ?? []), { n, tick }])
    }
  }
  for (const rows of streams.values()) {
    let latest: Tick | null = null
    for (const { tick } of rows.sort((one, other) => one.n - other.n)) {
      if (latest !== null && tick.order < latest.begun) model.fail(`${latest.id} stands before ${tick.id}, which was saved earlier`)
      if (latest === null || tick.begun > latest.begun) latest = tick
    }
  }
}

/** A receipt holds through every restore: phones fill the gap with the very lines, unless two phones share the stream. */
function checkReceipts({ model }: Setting): void {
  for (const { stream, ack, ack_hash } of model.receipts.values()) {
    const rows = model.at(stream, ack)
    if (rows.length === 0 || rows.some(({ hash }) => hash === ack_hash) || model.shared.has(stream)) continue
    model.fail(`the receipt for ${ack} of ${stream} is contradicted by what the server has now`)
  }
}

function checkPhone({ model }: Setting, handset: Handset, found: Findings): void {
  const { name, disk, pages } = handset
  const chain = disk.meta('chain') as { stream: string; next: number; acked: number; head: string } | undefined
  if (chain === undefined || pages.length === 0) return model.fail(`${name} does not work`)
  if (chain.acked !== chain.next - 1) return model.fail(`${name} still has ${chain.next - 1 - chain.acked} records waiting`)
  const { stream, acked, head } = chain
  const rows = [...model.stored.values()].flat()
  const there = rows.some((row) => row.stream === stream && row.n === acked && row.hash === head && row.school === handset.school?.id)
  if (!there) model.fail(`${name} believes its ${chain.acked} records on a server that does not have them`)
  const mine = found.quarantine.filter(({ school }) => school === handset.school?.id)
  const asideOnServer = new Map(mine.map(({ line, code }) => [line, code]))
  for (const { id, line, n, code } of disk.lines.values()) {
    if (n === null || !asideOnServer.has(line) || line.startsWith('{"v":1,"kind":"parked"')) continue
    const why = asideOnServer.get(line)!
    // A line of a stream that was contradicted is aside there and whole in the stream that followed.
    if (code === null && !['fork', 'chain'].includes(why)) model.fail(`${name} does not show that ${id} was put aside (${why})`)
  }
  for (const { phone, label } of pages) {
    const { state } = phone
    const said = `${label} shows ${state.waiting} waiting, ${state.safe} safe`
    if (!state.ready || !state.enrolled) model.fail(`${label} does not work: ${JSON.stringify(state.trouble)}`)
    if (state.waiting !== 0 || state.safe !== chain.acked || state.sending !== null) model.fail(`${said}, not ${chain.acked}`)
    if (state.photosWaiting !== 0) model.fail(`${label} still has ${state.photosWaiting} photos waiting`)
    if (state.trouble !== null && state.trouble.kind !== 'lost') model.fail(`${label} shows ${JSON.stringify(state.trouble)}`)
    if (state.lastReceipt?.verified !== true) model.fail(`${label} has a receipt that nobody signed`)
  }
  if (!pages.some(({ phone }) => phone.state.lastTry?.outcome === 'ok')) {
    model.fail(`${name} cannot bring a sync to its end: ${JSON.stringify(pages.map(({ phone }) => phone.state.lastTry))}`)
  }
}

/** A phone that noticed its loss says so in the first record of its next stream. */
function checkTold({ model }: Setting, { disk }: Handset, stream: string, found: Findings): void {
  // A phone that changed schools since keeps the sentence to itself, put aside.
  const lines = [...model.stored.keys(), ...[...disk.lines.values()].map((held) => held.line)]
  const isIt = (line: string) =>
    line.includes('"kind":"boot"') && line.includes('"lost"') && line.includes(`"before":{"stream":"${stream}"`)
  if (!lines.some(isIt)) model.fail(`nobody says that the database with stream ${stream} was lost`)
  // What came back need not be told, and what did not must be, whether or not the server had heard of it.
  // A phone that changed schools since tells the new one.
  const heard = found.streams.filter((one) => one.stream === stream)
  if (heard.length === 0 || model.shared.has(stream)) return
  for (const [id, gone] of model.destroyed) {
    const tick = model.ticked.get(id)
    // What was on its way when the database went may have arrived after all.
    if (gone.stream !== stream || gone.forgotten || tick === undefined || model.stored.has(tick.line)) continue
    if (gone.unmarked || heard.some(({ head, next }) => gone.n < next && gone.n > head)) continue
    model.fail(`${id} is lost (${gone.n} of ${stream}) and its phone tells of less`)
  }
}
