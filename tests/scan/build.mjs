// Bundles the engines for a browser: node build.mjs OUT-FOLDER.
import { copyFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const frontend = resolve(here, '../../frontend')
const modules = join(frontend, 'node_modules')
const { rolldown } = await import(join(modules, 'rolldown/dist/index.mjs'))

const bundle = await rolldown({
  input: join(here, 'engines.ts'),
  platform: 'browser',
  resolve: { alias: { '@scan': join(frontend, 'src/guard/scan') }, modules: [modules] },
  tsconfig: false,
  logLevel: 'warn',
})
await bundle.write({ dir: process.argv[2], format: 'esm' })
copyFileSync(join(modules, 'zxing-wasm/dist/reader/zxing_reader.wasm'), join(process.argv[2], 'zxing_reader.wasm'))
