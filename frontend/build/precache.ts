import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { Plugin } from 'vite'

const PLACEHOLDER = '__PRECACHE__'
/** Most gzipped JavaScript a page may need to paint and work, in bytes; the decoder (worker and wasm) is beside it. */
const BUDGET = { guard: 60_000, desk: 150_000 }

/** File name, relative to the output folder, to contents. */
export type Files = ReadonlyMap<string, Uint8Array>

/** Build the service worker, fill in its list, print what each page weighs, and fail above the budget. */
export function precache(): Plugin {
  return {
    name: 'precache',
    apply: 'build',
    buildStart() {
      this.emitFile({ type: 'chunk', id: 'src/sw/sw.ts', fileName: 'sw.js' })
    },
    writeBundle({ dir }) {
      const files = readAll(dir!)
      const script = new TextDecoder().decode(files.get('sw.js'))
      if (script.split(PLACEHOLDER).length !== 2) this.error('sw.js must name __PRECACHE__ exactly once')
      const list = JSON.stringify(precacheList(files))
      writeFileSync(join(dir!, 'sw.js'), script.replace(PLACEHOLDER, () => list))

      for (const [page, most] of Object.entries(BUDGET)) {
        const { script, later, decoder, style } = pageSizes(files, page === 'guard' ? 'index.html' : 'desk.html')
        const kilobytes = (bytes: number) => `${(bytes / 1000).toFixed(1)} kB`
        this.info(
          `${page}: ${kilobytes(script)} gzip JavaScript of ${kilobytes(most)}, ` +
            `${kilobytes(later)} after the first paint, ${kilobytes(style)} style, ${kilobytes(decoder)} decoder`,
        )
        if (script > most) this.error(`${page} page is over its budget: ${kilobytes(script)} of ${kilobytes(most)}`)
      }
    },
  }
}

/** What the service worker keeps: every file the guard page can load, with its integrity, and a version for it all. */
export function precacheList(files: Files): { version: string; files: [path: string, integrity: string][] } {
  const listed = [...neededBy(files, 'index.html')]
    // The page at "/" is index.html; a request for the file's own name never happens.
    .map((name): [string, string] => [name === 'index.html' ? '/' : `/${name}`, integrity(files.get(name)!)])
    .sort(([a], [b]) => (a < b ? -1 : 1))
  const version = createHash('sha256').update(JSON.stringify(listed)).digest('hex').slice(0, 16)
  return { version, files: listed }
}

interface Sizes {
  script: number
  /** Scripts that only an `import()` fetches. */
  later: number
  style: number
  decoder: number
}

/** Gzipped bytes a page loads: its scripts, its styles, and what reads the QR codes. */
export function pageSizes(files: Files, page: string): Sizes {
  const sizes: Sizes = { script: 0, later: 0, style: 0, decoder: 0 }
  const first = neededAtOnce(files, page)
  let words = 0
  for (const name of neededBy(files, page)) {
    // A phone fetches the words of one language: the heavier one counts.
    if (/phone\.(zh-CN|en)-/.test(name)) {
      words = Math.max(words, packed(files.get(name)!).length)
      continue
    }
    const part = /\.wasm$|\.worker-/.test(name)
      ? 'decoder'
      : name.endsWith('.js')
        ? first.has(name)
          ? 'script'
          : 'later'
        : name.endsWith('.css')
          ? 'style'
          : null
    if (part) sizes[part] += packed(files.get(name)!).length
  }
  sizes.script += words
  return sizes
}

/**
 * The files reachable from a page: a file is needed when a needed file names it. Reading the finished text finds
 * whatever the page can ask for, lazy chunks, the worker and its wasm included.
 */
export function neededBy(files: Files, page: string): Set<string> {
  const needed = new Set([page])
  for (const name of needed) {
    if (!/\.(html|js|css|webmanifest)$/.test(name)) continue
    const text = new TextDecoder().decode(files.get(name))
    for (const other of files.keys()) {
      const shortest = other.startsWith('assets/') ? other.slice('assets/'.length) : other
      if (!other.endsWith('.html') && other !== 'sw.js' && text.includes(shortest)) needed.add(other)
    }
  }
  return needed
}

/** The scripts that run before the page shows anything: named by the page, or imported, not by `import()`, by those. */
function neededAtOnce(files: Files, page: string): Set<string> {
  const html = new TextDecoder().decode(files.get(page))
  const first = new Set([...files.keys()].filter((name) => name.endsWith('.js') && html.includes(name)))
  for (const name of first) {
    const text = new TextDecoder().decode(files.get(name))
    for (const [, other] of text.matchAll(/(?:from|import)\s*["'`]\.\/([^"'`]+)["'`]/g)) first.add(`assets/${other}`)
  }
  return first
}

/** As the server sends it. */
function packed(bytes: Uint8Array): Uint8Array {
  return gzipSync(bytes, { level: 9 })
}

function integrity(bytes: Uint8Array): string {
  return `sha256-${createHash('sha256').update(bytes).digest('base64')}`
}

function readAll(folder: string): Files {
  const files = new Map<string, Uint8Array>()
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    files.set(path.slice(folder.length + 1).replaceAll('\\', '/'), readFileSync(path))
  }
  return files
}
