import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseAst, type Plugin } from 'vite'

/**
 * The oldest browsers that a school's phones still run: Chrome 87 and Safari 15.0. One unknown word in a script and the
 * whole page stays white there, so the build fails on what they cannot read or do not have.
 */

/** Methods by their name alone: nothing of ours is called like this. */
const METHODS = new Set([
  'at',
  'findLast',
  'findLastIndex',
  'toSorted',
  'toReversed',
  'toSpliced',
  'fromAsync',
  'hasOwn',
  'groupBy',
  'withResolvers',
  'randomUUID',
  'isWellFormed',
  'toWellFormed',
  'showModal',
  'showPicker',
  'showPopover',
  'togglePopover',
  'checkVisibility',
  'startViewTransition',
])
/** Methods that only one owner lacks. */
const OWNED = new Set(['AbortSignal.timeout', 'AbortSignal.any', 'Intl.supportedValuesOf', 'navigator.locks'])
/** Names that must not be called, or made, without a look whether they exist. */
const GLOBALS = new Set(['structuredClone', 'reportError', 'requestIdleCallback', 'BroadcastChannel', 'OffscreenCanvas'])

interface Node {
  readonly type: string
  readonly [field: string]: unknown
}

/** What a finished script asks of the browser that Chrome 87 or Safari 15.0 does not have, each named once. */
export function beyondScript(code: string): string[] {
  const found = new Set<string>()
  const here = new Set<string>()
  const walk = (node: Node, inFunction: boolean): void => {
    const inside = inFunction || /Function/.test(node.type)
    note(node, inside)
    for (const value of Object.values(node)) {
      for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) walk(child, inside)
    }
  }
  const note = (node: Node, inFunction: boolean): void => {
    switch (node.type) {
      case 'StaticBlock':
        found.add('class static block')
        break
      case 'BinaryExpression':
        if ((node['left'] as Node).type === 'PrivateIdentifier') found.add('#name in object')
        break
      case 'AwaitExpression':
        if (!inFunction) found.add('await at the top level')
        break
      case 'ForOfStatement':
        if (node['await'] === true && !inFunction) found.add('await at the top level')
        break
      case 'Literal':
        if (isNode(node['regex'])) noteRegex(node['regex'] as unknown as { pattern: string; flags: string })
        break
      case 'ImportDeclaration':
        if ((node['attributes'] as unknown[] | undefined)?.length) found.add('import attributes')
        break
      case 'UnaryExpression':
        // `typeof X`: the script looks before it uses.
        if (node['operator'] === 'typeof') here.add(nameOf(node['argument']))
        break
      case 'AssignmentExpression':
        // The script brings what may be missing.
        here.add(nameOf(node['left']))
        break
      case 'NewExpression':
      case 'CallExpression':
        noteCall(node['callee'] as Node)
    }
  }
  const noteRegex = ({ pattern, flags }: { pattern: string; flags: string }): void => {
    if (/[dv]/.test(flags)) found.add(`regular expression flag ${flags}`)
    if (/\(\?<[=!]/.test(pattern)) found.add('lookbehind')
    if (/\(\?[ims-]+:/.test(pattern)) found.add('regular expression modifiers')
  }
  const noteCall = (callee: Node): void => {
    const name = nameOf(callee)
    if (GLOBALS.has(name.replace(/^(globalThis|window|self)\./, ''))) found.add(name)
    if (callee.type !== 'MemberExpression' || callee['computed'] === true) return
    if (METHODS.has(nameOf(callee['property']))) found.add(name)
    for (const owned of OWNED) if (name === owned || name.startsWith(`${owned}.`)) found.add(owned)
  }
  walk(parseAst(code) as unknown as Node, false)
  return [...found].filter((name) => !here.has(name))
}

const RULES: [name: string, pattern: RegExp][] = [
  [':where or :is', /:(where|is)\(/],
  [':has', /:has\(/],
  ['aspect-ratio', /[{;]\s*aspect-ratio\s*:/],
  ['color-mix', /color-mix\(/],
  ['layer, container or scope', /@(layer|container|scope|starting-style|property)\b/],
  ['nesting', /&/],
  ['translate, rotate or scale as properties', /[{;]\s*(translate|rotate|scale)\s*:/],
  ['overflow: clip', /overflow(-[xy])?\s*:\s*clip/],
  ['range in a media query', /@media[^{]*[<>]/],
]

/** What a finished style sheet uses and the oldest browsers drop, where dropping it would be seen. */
export function beyondStyle(css: string): string[] {
  const bare = css.replace(/\/\*[^]*?\*\//g, '').replace(/"(\\.|[^"\\])*"|'(\\.|[^'\\])*'|url\([^)]*\)/g, '""')
  const found = RULES.filter(([, pattern]) => pattern.test(bare)).map(([name]) => name)
  // Safari 15.0 and Chrome 87 drop a declaration with a unit of the small, large or dynamic viewport: vh must come first.
  for (const [, body] of bare.matchAll(/\{([^{}]*)\}/g)) {
    const seen = new Set<string>()
    for (const [property = '', value = ''] of body!.split(';').map((one) => one.split(/:(.*)/s).map((s) => s.trim()))) {
      const unit = /\d([dsl]v[hwbi]|dvmin|dvmax)\b/.exec(value)?.[1]
      if (unit !== undefined && !seen.has(property)) found.push(`${property} in ${unit} without one in vh before it`)
      seen.add(property)
    }
  }
  return found
}

/** Svelte keeps a scoping class out of the count by :where, which Chrome 87 does not know: it would drop the rule. */
export function plainScope(css: string): string {
  return css.replace(/:where\((\.[\w-]+)\)/g, '$1')
}

/** Writes Svelte's styles so that the oldest browsers read them, and fails the build on what they could not run. */
export function floor(): Plugin {
  return {
    name: 'browser-floor',
    transform(code, id) {
      return /[?&]svelte&type=style/.test(id) ? { code: plainScope(code), map: null } : null
    },
    writeBundle({ dir }) {
      const wrong: string[] = []
      for (const entry of readdirSync(dir!, { withFileTypes: true, recursive: true })) {
        const judge = entry.name.endsWith('.js') ? beyondScript : entry.name.endsWith('.css') ? beyondStyle : null
        if (!entry.isFile() || judge === null) continue
        const found = judge(readFileSync(join(entry.parentPath, entry.name), 'utf8'))
        wrong.push(...found.map((what) => `${entry.name}: ${what}`))
      }
      if (wrong.length) this.error(`Chrome 87 and Safari 15.0 do not have:\n  ${wrong.join('\n  ')}`)
    },
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null
}

/** `a.b.c` of an identifier or a chain of plain members; of anything else only its last name. */
function nameOf(value: unknown): string {
  const node = value as Node
  if (node.type === 'Identifier') return node['name'] as string
  if (node.type === 'ChainExpression') return nameOf(node['expression'])
  if (node.type !== 'MemberExpression' || node['computed'] === true) return ''
  const owner = nameOf(node['object'])
  return owner ? `${owner}.${nameOf(node['property'])}` : `.${nameOf(node['property'])}`
}
