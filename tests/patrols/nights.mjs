// Names nights with the phone's own code: node nights.mjs < [[milliseconds, zone], …] > [night, …].
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const frontend = resolve(dirname(fileURLToPath(import.meta.url)), '../../frontend')
const { rolldown } = await import(join(frontend, 'node_modules/rolldown/dist/index.mjs'))

const bundle = await rolldown({ input: join(frontend, 'src/guard/round.ts'), tsconfig: false, logLevel: 'warn' })
const { output } = await bundle.generate({ format: 'esm' })
const { nightOf } = await import(`data:text/javascript,${encodeURIComponent(output[0].code)}`)

let asked = ''
for await (const part of process.stdin) asked += part
process.stdout.write(JSON.stringify(JSON.parse(asked).map(([at, zone]) => nightOf(at, zone))))
