// @vitest-environment node
import { expect, test } from 'vitest'
import { type Files, neededBy, pageSizes, precacheList } from './precache'

function built(files: Record<string, string>): Files {
  return new Map(Object.entries(files).map(([name, text]) => [name, new TextEncoder().encode(text)]))
}

const site = {
  'index.html': '<link href="/manifest.webmanifest"><script src="/assets/guard-1.js">',
  'desk.html': '<script src="/assets/desk-1.js">',
  'sw.js': 'guard-1.js',
  'manifest.webmanifest': '{"icons":[{"src":"/icons/192.png"}]}',
  'icons/192.png': 'picture',
  'assets/guard-1.js': 'import("./lazy-1.js");import "./shared-1.js"',
  'assets/lazy-1.js': 'new Worker("/assets/decode.worker-1.js")',
  'assets/decode.worker-1.js': 'fetch("/assets/reader-1.wasm")',
  'assets/reader-1.wasm': 'wasm',
  'assets/desk-1.js': 'import "./shared-1.js";import "./table-1.js"',
  'assets/shared-1.js': '',
  'assets/table-1.js': '',
}

test('the worker keeps everything the guard page can load, lazy parts and decoder included, and nothing of the desk', () => {
  const paths = precacheList(built(site)).files.map(([path]) => path)
  expect(paths).toEqual([
    '/',
    '/assets/decode.worker-1.js',
    '/assets/guard-1.js',
    '/assets/lazy-1.js',
    '/assets/reader-1.wasm',
    '/assets/shared-1.js',
    '/icons/192.png',
    '/manifest.webmanifest',
  ])
})

test('the version changes with the contents of a kept file and only then', () => {
  const version = precacheList(built(site)).version
  expect(precacheList(built({ ...site, 'assets/table-1.js': 'other' })).version).toBe(version)
  expect(precacheList(built({ ...site, 'icons/192.png': 'other' })).version).not.toBe(version)
})

test('each file carries the integrity that the browser checks', () => {
  const [, integrity] = precacheList(built({ 'index.html': 'hello' })).files[0]!
  expect(integrity).toBe('sha256-LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=')
})

test('the decoder is weighed beside the scripts', () => {
  const sizes = pageSizes(built({ ...site, 'assets/reader-1.wasm': 'x'.repeat(9000) }), 'index.html')
  expect(sizes.decoder).toBeGreaterThan(0)
  expect(sizes.script).toBe(pageSizes(built(site), 'index.html').script)
})

test('a script that is fetched after the first paint is weighed by itself', () => {
  const lazy = 'x'.repeat(3000) + Math.random()
  const sizes = pageSizes(built({ ...site, 'assets/lazy-1.js': lazy }), 'index.html')
  expect(sizes.script).toBe(pageSizes(built(site), 'index.html').script)
  expect(sizes.later).toBeGreaterThan(0)
  const shared = pageSizes(built({ ...site, 'assets/shared-1.js': lazy }), 'index.html')
  expect(shared.script).toBeGreaterThan(sizes.script)
})

test('a page never needs the other page', () => {
  expect(neededBy(built({ ...site, 'assets/guard-1.js': 'location.href="/desk.html"' }), 'index.html')).not.toContain(
    'desk.html',
  )
})
