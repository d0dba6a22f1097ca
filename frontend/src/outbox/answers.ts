/** What may come back from a request, and what it is worth: only our own server's own words count. */
import type { DeviceRow, Store } from './db'
import type { LastTry } from './types'
import type { Answer, Request, World } from './world'

const MAX_RETRY_AFTER = 300_000

export interface Outcome {
  readonly outcome: LastTry['outcome']
  readonly status: number | null
  readonly code: string | null
  /** Milliseconds the server asked us to stay away; 0 when it did not. */
  readonly retryAfter: number
}

export interface Problem {
  readonly code: string
  readonly need?: number
  readonly at?: number
}

export interface SyncAnswer {
  readonly stream: string
  readonly request: string
  readonly ack: number
  readonly ack_hash: string
  readonly durable: number
  readonly generation: string
  readonly quarantined: readonly { readonly n: number; readonly id: string | null; readonly code: string }[]
  readonly want_photos: readonly string[]
  readonly server_time: string
  readonly signature: string
}

/** null stands for "no answer": the same whether the network failed or the answer was cut. */
export async function ask(world: World, path: string, request: Request): Promise<Answer | null> {
  try {
    return await world.fetch(path, request)
  } catch {
    return null
  }
}

const NO_ANSWER: Outcome = { outcome: 'network', status: null, code: null, retryAfter: 0 }

/** Another 401 of our server was meant for another request: it says nothing of this phone's token. */
export function isShutOut(status: number | null, code: string | null): code is string {
  return status === 401 && code !== null && code.startsWith('device_')
}

/**
 * An answer that is no yes: nothing in the queue changes. A 401 of our server is remembered, for a person to see,
 * unless the phone was enrolled again while it was under way.
 */
export async function refusal(
  world: World,
  store: Store,
  token: string,
  answer: Answer | null,
  problem: Problem | null,
): Promise<Outcome> {
  if (answer === null) return NO_ANSWER
  const { status } = answer
  const code = problem?.code ?? null
  if (status === 429 || status >= 500) {
    return { outcome: 'busy', status, code, retryAfter: retryAfter(answer.retryAfter, world.now()) }
  }
  if (isShutOut(status, code)) {
    const stopped = { code, at: world.now() }
    const current = await store.write(['meta', 'device'], async (tx) => {
      const device = (await tx.objectStore('device').get('device')) as DeviceRow | undefined
      if (device?.token !== token) return false
      await tx.objectStore('meta').put(stopped, 'stopped')
      return true
    })
    if (!current) return NO_ANSWER
  }
  // Without our server's own code it is a portal, or a proxy on the way.
  return { outcome: code === null ? 'portal' : 'refused', status, code, retryAfter: 0 }
}

export function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

export function isProblem(body: unknown): body is Problem {
  return typeof (body as { code?: unknown } | null)?.code === 'string'
}

export function isSyncAnswer(body: unknown): body is SyncAnswer {
  const answer = body as Partial<Record<keyof SyncAnswer, unknown>> | null
  return (
    typeof answer === 'object' &&
    answer !== null &&
    typeof answer.stream === 'string' &&
    typeof answer.request === 'string' &&
    isCount(answer.ack) &&
    typeof answer.ack_hash === 'string' &&
    isCount(answer.durable) &&
    typeof answer.generation === 'string' &&
    typeof answer.server_time === 'string' &&
    typeof answer.signature === 'string' &&
    Array.isArray(answer.quarantined) &&
    Array.isArray(answer.want_photos)
  )
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0
}

/** Seconds or a date, as milliseconds from now; capped, so that a wrong header cannot put the queue to sleep. */
function retryAfter(text: string | null, now: number): number {
  if (text === null) return 0
  const seconds = Number(text)
  const wait = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(text) - now
  return Number.isFinite(wait) ? Math.min(MAX_RETRY_AFTER, Math.max(0, wait)) : 0
}
