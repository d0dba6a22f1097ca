// Bundles the phone's real code and the simulator into one file: node build.mjs OUT [MUTANT-FILE].
// MUTANT-FILE holds [{file, find, put}]: planted bugs. Each `find` must be there exactly once, or the build fails.
import { readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const frontend = resolve(here, '../../frontend')
const { rolldown } = await import(join(frontend, 'node_modules/rolldown/dist/index.mjs'))

/** What the version after this one may be like: more stores, a field more in the chain, another name. */
const NEXT = [
  { file: 'db.ts', find: 'export const VERSION = 1\n', put: 'export const VERSION = 2\n' },
  {
    file: 'db.ts',
    find: "    db.createObjectStore('pack')\n  }\n",
    put: "    db.createObjectStore('pack')\n  }\n  if (from < 2) db.createObjectStore('later' as 'drafts').put(from, 'from')\n",
  },
  { file: 'index.ts', find: 'export const appVersion: string = version', put: "export const appVersion: string = version + '-next'" },
  { file: 'outbox.ts', find: '      safeAt: null,\n      made: at,\n', put: '      safeAt: null,\n      later: { since: at },\n      made: at,\n' },
  { file: 'lines.ts', find: '      v: 1,\n      kind,', put: "      v: kind === 'never_heard_of' ? 2 : 1,\n      kind," },
]

const [out, mutantFile] = process.argv.slice(2)
const patches = mutantFile ? JSON.parse(readFileSync(mutantFile, 'utf8')) : []
const applied = new Set()

const outbox = join(frontend, 'src/outbox')
const MARK = '?next'

/** The same sources a second time, as the next version of the app. */
const next = {
  name: 'next',
  resolveId(source, importer) {
    if (source.startsWith('@next/')) return join(outbox, `${source.slice(6)}.ts${MARK}`)
    if (!importer?.endsWith(MARK) || !source.startsWith('./')) return null
    return join(dirname(importer), `${source}.ts${MARK}`)
  },
  load(id) {
    if (!id.endsWith(MARK)) return null
    return { code: readFileSync(id.slice(0, -MARK.length), 'utf8'), moduleType: 'ts' }
  },
}

const plant = {
  name: 'plant',
  transform(code, id) {
    const own = id.endsWith(MARK)
    const file = own ? id.slice(0, -MARK.length) : id
    for (const patch of [...patches, ...(own ? NEXT : [])]) {
      if (file !== join(outbox, patch.file)) continue
      if (code.split(patch.find).length !== 2) throw new Error(`not once in ${patch.file}: ${patch.find}`)
      code = code.replace(patch.find, () => patch.put)
      applied.add(patch)
    }
    return code
  },
}

const bundle = await rolldown({
  input: join(here, 'main.ts'),
  platform: 'node',
  resolve: {
    alias: { '@outbox': outbox },
    modules: [join(frontend, 'node_modules')],
  },
  plugins: [next, plant],
  // Its paths are for the type checker; followed here they would bring a second copy of fake-indexeddb.
  tsconfig: false,
  logLevel: 'warn',
})
await bundle.write({ file: out, format: 'esm', codeSplitting: false })
for (const patch of [...patches, ...NEXT]) if (!applied.has(patch)) throw new Error(`no such file: ${patch.file}`)
