// @vitest-environment node
import { expect, test } from 'vitest'
import { beyondScript, beyondStyle, plainScope } from './floor'

test.each([
  ['class A { static { start() } }', 'class static block'],
  ['class A { #x; has(o) { return #x in o } }', '#name in object'],
  ['const answer = await fetch("/")', 'await at the top level'],
  ['for await (const part of stream) use(part); export {}', 'await at the top level'],
  ['/a/d.exec(text)', 'regular expression flag d'],
  ['/[a&&b]/v.test(text)', 'regular expression flag v'],
  ['/(?<=a)b/.test(text)', 'lookbehind'],
  ['/(?<!a)b/.test(text)', 'lookbehind'],
  ['/(?i:a)b/.test(text)', 'regular expression modifiers'],
  ['import data from "./a.json" with { type: "json" }', 'import attributes'],
  ['Object.hasOwn(a, b)', 'Object.hasOwn'],
  ['Object?.hasOwn?.(a, b)', 'Object.hasOwn'],
  ['list().at(-1)', '.at'],
  ['list.findLast(Boolean)', 'list.findLast'],
  ['list.toSorted()', 'list.toSorted'],
  ['Array.fromAsync(parts)', 'Array.fromAsync'],
  ['structuredClone(form)', 'structuredClone'],
  ['globalThis.structuredClone(form)', 'globalThis.structuredClone'],
  ['crypto.randomUUID()', 'crypto.randomUUID'],
  ['fetch("/", { signal: AbortSignal.timeout(5) })', 'AbortSignal.timeout'],
  ['navigator.locks.request("a", work)', 'navigator.locks'],
  ['new BroadcastChannel("a")', 'BroadcastChannel'],
  ['dialog.showModal()', 'dialog.showModal'],
])('a script with %s does not pass', (code, name) => {
  expect(beyondScript(code)).toEqual([name])
})

test.each([
  'class A { #x = 1; static y = 2; #go() { return this.#x } get z() { return this.#go() } }',
  'const f = async () => { await work(); for await (const part of stream) use(part) }',
  'const a = b?.c ?? d; a ||= /(?<year>\\d+)/u; text.replaceAll("a", "b"); Promise.any([])',
  'const channel = typeof BroadcastChannel === "function" ? new BroadcastChannel("a") : null',
  'Object.hasOwn ??= (o, k) => k in o; Object.hasOwn(a, b)',
  'const { locks } = navigator; const at = record.at; use({ at, findLast: 1 })',
])('a script that both read passes: %s', (code) => {
  expect(beyondScript(code)).toEqual([])
})

test.each([
  ['p:where(.a){color:red}', ':where or :is'],
  ['li:has(a){color:red}', ':has'],
  ['.a{color:red;aspect-ratio:1}', 'aspect-ratio'],
  ['.a{color:color-mix(in srgb,red,blue)}', 'color-mix'],
  ['@container (width > 3px){.a{color:red}}', 'layer, container or scope'],
  ['.a{color:red;&:hover{color:blue}}', 'nesting'],
  ['.a{scale:2}', 'translate, rotate or scale as properties'],
  ['@media (width>=600px){.a{color:red}}', 'range in a media query'],
  ['.a{min-height:100dvh}', 'min-height in dvh without one in vh before it'],
  ['.a{height:100vh;min-height:calc(100svh - 4px)}', 'min-height in svh without one in vh before it'],
])('a style with %s does not pass', (css, name) => {
  expect(beyondStyle(css)).toEqual([name])
})

test('a style that both read passes', () => {
  const css =
    '.a{inset:0;gap:4px;min-height:100vh;min-height:calc(100dvh - 4px);transform:scale(2)}' +
    '.b{content:"& :has(";background:url(/a&b.svg)}@media (max-height:640px){.a:focus-visible{outline:none}}'
  expect(beyondStyle(css)).toEqual([])
})

test("Svelte's scope is written so that Chrome 87 keeps the rule", () => {
  const css = '.a.s1 p:where(.s1):first-child{color:red}'
  expect(plainScope(css)).toBe('.a.s1 p.s1:first-child{color:red}')
  expect(beyondStyle(plainScope(css))).toEqual([])
})
