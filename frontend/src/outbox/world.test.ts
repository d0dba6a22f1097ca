// @vitest-environment node
import { afterEach, expect, test, vi } from 'vitest'
import { browserWorld } from './world'

const files = import.meta.glob<string>('./*.ts', { query: '?raw', import: 'default', eager: true })
const sources = Object.entries(files).filter(([name]) => !name.endsWith('.test.ts'))

/** Removes comments, so that words in sentences are not taken for code. */
function code(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '')
}

const OUTSIDE = [
  /\bDate\.now\b/,
  /new Date\(\s*\)/,
  /\bperformance\b/,
  /\bMath\.random\b/,
  /(?<!\.)\bcrypto\b/,
  /\bset(Timeout|Interval|Immediate)\b/,
  /(?<!\.)\bfetch\(/,
  /\bnavigator\b/,
  /\b(local|session)Storage\b/,
  /(?<!\.)\bindexedDB\b/,
  /\bBroadcastChannel\b/,
  /(?<![.:(]\s?)\bcaches\./,
  /\b(window|document)\./,
]

afterEach(() => vi.unstubAllGlobals())

/** File and pattern of every line of code that a pattern finds. */
function offences(patterns: readonly RegExp[], spared: readonly string[] = []): string[] {
  return sources
    .filter(([name]) => !spared.includes(name))
    .flatMap(([name, text]) => patterns.filter((word) => word.test(code(text))).map((word) => `${name}: ${word.source}`))
}

test('only world.ts touches clock, chance, timers, network, locks and storage', () => {
  expect(sources.length).toBeGreaterThan(8)
  expect(offences(OUTSIDE, ['./world.ts'])).toEqual([])
  // The patterns do bite: the one file that may, does.
  expect(offences(OUTSIDE).length).toBeGreaterThan(8)
})

test('a browser whose locks refuse to work keeps nobody from working', async () => {
  const request = () => Promise.reject(new DOMException('denied', 'SecurityError'))
  vi.stubGlobal('navigator', { locks: { request } })
  const work = vi.fn(async (held: boolean) => held)
  expect(await browserWorld().alone('sync', 0, work)).toBe(false)
  expect(await browserWorld().alone('outbox', 3_000, work)).toBe(false)
  expect(work).toHaveBeenCalledTimes(2)
})

test('the outbox imports no screen', () => {
  for (const [name, text] of sources) {
    for (const [, from] of text.matchAll(/from '([^']+)'/g)) {
      expect(from === 'idb' || from === '../../package.json' || from!.startsWith('./'), `${name}: ${from}`).toBe(true)
    }
  }
})

test('what must outlive the database is kept in a cookie too, and read from it when the storage was emptied', () => {
  const stored = new Map<string, string>()
  let cookie = ''
  vi.stubGlobal('navigator', {})
  vi.stubGlobal('location', { protocol: 'https:', port: '8443' })
  vi.stubGlobal('localStorage', {
    setItem: (key: string, value: string) => void stored.set(key, value),
    getItem: (key: string) => stored.get(key) ?? null,
  })
  vi.stubGlobal('document', {
    get cookie() {
      return `other=1; ${cookie.split(';')[0]}`
    },
    set cookie(text: string) {
      cookie = text
    },
  })
  const world = browserWorld()
  const value = JSON.stringify({ stream: 'ab'.repeat(16), seq: 12 })
  expect(world.recall('marker')).toBeNull()
  world.remember('marker', value)
  expect(cookie).toMatch(/; Path=\/; Max-Age=34560000; SameSite=Strict; Secure$/)
  stored.clear()
  expect(world.recall('marker')).toBe(value)
  vi.stubGlobal('location', { protocol: 'https:', port: '9443' })
  expect(world.recall('marker')).toBeNull()
  vi.stubGlobal('location', { protocol: 'https:', port: '8443' })
  // Either place may be forbidden.
  vi.stubGlobal('localStorage', undefined)
  expect(world.recall('marker')).toBe(value)
  vi.stubGlobal('document', undefined)
  world.remember('marker', value)
  expect(world.recall('marker')).toBeNull()
})
