/**
 * Reads QR codes off the page's thread. One job at a time; the page never sends a second before the answer.
 * The wasm comes from our own server and is compiled as soon as the worker starts.
 */
import wasmUrl from 'zxing-wasm/reader/zxing_reader.wasm?url'
import type { Answer, Job } from './job'
import { Ladder } from './ladder'
import { brightness, lumaOf } from './luma'
import { parsePayload } from './payload'
import { loadReaders } from './readers'

const worker = self as unknown as DedicatedWorkerGlobalScope
const ready = loadReaders(wasmUrl).then((readers) => new Ladder(readers, isOurs))
// A job reports the failure; without jobs nobody needs to know.
ready.catch(() => undefined)

worker.addEventListener('message', (event: MessageEvent<Job>) => {
  read(event.data).then(
    (answer) => worker.postMessage(answer),
    (error: unknown) => worker.postMessage({ is: 'failed', reason: String(error) } satisfies Answer),
  )
})

/** A poster beside the tag, or a text with a wrong check character, does not end the search. */
function isOurs(text: string): boolean {
  return parsePayload(text).kind !== 'foreign'
}

async function read({ is, width, height, pixels }: Job): Promise<Answer> {
  const ladder = await ready
  const started = performance.now()
  const picture = lumaOf(new Uint8ClampedArray(pixels), width, height)
  const look = await (is === 'frame' ? ladder.frame(picture) : ladder.still(picture))
  return { is: 'read', ...look, ms: performance.now() - started, light: brightness(picture) }
}
