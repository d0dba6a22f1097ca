/**
 * Reads QR codes off the page's thread. One job at a time; the page never sends a second before the answer.
 * The wasm comes from our own server and is compiled as soon as the worker starts.
 */
// First, for what follows needs it as it loads.
import './has-own'
import { prepareZXingModule, type ReaderOptions, readBarcodes } from 'zxing-wasm/reader'
import wasmUrl from 'zxing-wasm/reader/zxing_reader.wasm?url'
import type { Answer, Job } from './job'

const OPTIONS: ReaderOptions = {
  formats: ['QRCode'],
  // Denoising costs a second pass on every frame without a code and gains less than the next frame does.
  tryDenoise: false,
  // Our tags are dark on white.
  tryInvert: false,
  // A code that is found but not read says that the guard is there, and the clock of its tag runs.
  returnErrors: true,
  // A poster's code may hang beside the tag; the page takes the one that is ours.
  maxNumberOfSymbols: 4,
}

const worker = self as unknown as DedicatedWorkerGlobalScope
const ready = prepareZXingModule({ overrides: { locateFile: () => wasmUrl }, fireImmediately: true })
// A job reports the failure; without jobs nobody needs to know.
ready.catch(() => undefined)

worker.addEventListener('message', (event: MessageEvent<Job>) => {
  const { width, height, pixels } = event.data
  const image = new ImageData(new Uint8ClampedArray(pixels), width, height)
  read(image).then(
    (answer) => worker.postMessage(answer),
    (error: unknown) => worker.postMessage({ is: 'failed', reason: String(error) } satisfies Answer),
  )
})

async function read(image: ImageData): Promise<Answer> {
  await ready
  const started = performance.now()
  const results = await readBarcodes(image, OPTIONS)
  const texts = results.filter(({ isValid }) => isValid).map(({ text }) => text)
  return { is: 'read', texts, seen: results.length > 0, ms: performance.now() - started }
}
