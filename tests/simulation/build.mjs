// Bundles the phone's real code and the simulator into one file: node build.mjs OUT [MUTANT-FILE].
// MUTANT-FILE holds [{file, find, put}]: planted bugs. Each `find` must be there exactly once, or the build fails.
import { readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const frontend = resolve(here, '../../frontend')
const { rolldown } = await import(join(frontend, 'node_modules/rolldown/dist/index.mjs'))

const [out, mutantFile] = process.argv.slice(2)
const patches = mutantFile ? JSON.parse(readFileSync(mutantFile, 'utf8')) : []
const applied = new Set()

const plant = {
  name: 'plant',
  transform(code, id) {
    for (const patch of patches) {
      if (!id.endsWith(`/src/outbox/${patch.file}`)) continue
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
    alias: { '@outbox': join(frontend, 'src/outbox') },
    modules: [join(frontend, 'node_modules')],
  },
  plugins: [plant],
  // Its paths are for the type checker; followed here they would bring a second copy of fake-indexeddb.
  tsconfig: false,
  logLevel: 'warn',
})
await bundle.write({ file: out, format: 'esm', codeSplitting: false })
for (const patch of patches) if (!applied.has(patch)) throw new Error(`no such file: ${patch.file}`)
