/** node bundle.mjs INPUT OUTPUT FROM STEP COUNT: plays seeds FROM, FROM + STEP, … against the process at the pipes. */
import 'fake-indexeddb/auto'
import { run } from './seed'
import { Server } from './server'

const [input, output, from, step, count] = process.argv.slice(2).map(Number) as [number, number, number, number, number]
const server = new Server(input, output)
for (let i = 0; i < count; i++) server.call({ do: 'result', result: await run(from + i * step, server) })
server.call({ do: 'end' })
process.exit(0)
