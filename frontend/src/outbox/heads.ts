/**
 * The school's log, witnessed by its phones: each keeps the heads that the server signed, and has the newest compared
 * with the log of today. Whoever rewrites history on the server cannot rewrite it on every phone.
 */
import { ask, parse } from './answers'
import { fromBase64, utf8 } from './chain'
import type { Against, DeviceRow, Heads, Store } from './db'
import type { World } from './world'

const TIMEOUT = 30_000
/** About two months of nights. */
const KEPT = 60
const MARK = 'campus-patrol-head'
const NONE: Heads = { kept: [], against: null }

interface Head {
  readonly text: string
  readonly school: string
  readonly generation: string
  readonly day: string
  readonly number: number
  readonly hash: string
  readonly signature: string
}

interface Answer {
  readonly held?: unknown
  readonly verdict?: unknown
  readonly newest?: unknown
}

/** Reads a head as the server prints it; null for anything else. */
export function parseHead(text: string): Head | null {
  const parts = text.split(' ')
  if (parts.length !== 7 || parts[0] !== MARK) return null
  const [, school, generation, day, number, hash, signature] = parts as [string, string, string, string, string, string, string]
  if (!/^\d{1,15}$/.test(number)) return null
  return { text, school, generation, day, number: Number(number), hash, signature }
}

/**
 * Has the newest kept head compared with the log, and keeps the one that comes back when this phone's own server has
 * signed it. Anything but an answer of ours changes nothing. Rejects with StorageFailed.
 */
export async function exchangeHeads(world: World, store: Store): Promise<void> {
  const [device, { kept }] = await store.read(['meta', 'device'], async (tx) => {
    const device = (await tx.objectStore('device').get('device')) as DeviceRow | undefined
    return [device, ((await tx.objectStore('meta').get('heads')) as Heads | undefined) ?? NONE] as const
  })
  if (device === undefined) return
  const own = kept.filter((text) => parseHead(text)?.school === device.school.id)
  const held = own[own.length - 1] ?? null
  const answer = await ask(world, '/api/v1/heads', {
    method: 'POST',
    headers: { Authorization: `Bearer ${device.token}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ held }),
    timeout: TIMEOUT,
  })
  const body = answer?.status === 200 ? (parse(answer.text) as Answer | null) : null
  // An answer to another head is an old one, out of some proxy: its shorter log would look as if it had been cut.
  if (typeof body?.verdict !== 'string' || body.held !== held) return
  const newest = typeof body.newest === 'string' ? parseHead(body.newest) : null
  const genuine = newest?.school === device.school.id && (await isSigned(world, device, newest)) ? newest : null
  const admitted = body.verdict === 'head_contradicts' || body.verdict === 'head_beyond' ? held : null
  const against = admitted ?? (genuine === null ? null : contradicted(own, genuine))
  await store.write(['meta'], async (tx) => {
    const meta = tx.objectStore('meta')
    const now = ((await meta.get('heads')) as Heads | undefined) ?? NONE
    const more = genuine !== null && !now.kept.includes(genuine.text) ? [genuine.text] : []
    await meta.put(
      {
        kept: [...now.kept, ...more].slice(-KEPT),
        against: against === null ? now.against : describe(parseHead(against)!, world.now()),
      },
      'heads',
    )
  })
}

function describe(head: Head, at: number): Against {
  return { day: head.day, number: head.number, at }
}

/**
 * The kept head that a new one cannot stand beside: between two restores a log only grows, and one number has one
 * hash. Whether a restore explains more than that, only the server knows.
 */
function contradicted(kept: readonly string[], newest: Head): string | null {
  for (const text of kept) {
    const head = parseHead(text)!
    if (head.generation !== newest.generation) continue
    if (head.number > newest.number || (head.number === newest.number && head.hash !== newest.hash)) return text
  }
  return null
}

/** Without a key of the enrolment nothing is genuine: an unsigned head is worth nothing later. */
async function isSigned(world: World, device: DeviceRow, head: Head): Promise<boolean> {
  if (device.serverKey === null || world.subtle === null) return false
  const { school, generation, day, number, hash } = head
  const text = [MARK, school, generation, day, number, hash].join('\0')
  try {
    const curve = { name: 'ECDSA', namedCurve: 'P-256' }
    const key = await world.subtle.importKey('spki', fromBase64(device.serverKey), curve, false, ['verify'])
    const how = { name: 'ECDSA', hash: 'SHA-256' }
    return await world.subtle.verify(how, key, fromBase64(head.signature), utf8(text))
  } catch {
    return false
  }
}
