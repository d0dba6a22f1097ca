import { scriptUrl } from '../../sw/script-url'
import type { Answer, Job } from './decode.worker'
import workerUrl from './decode.worker.ts?worker&url'

let worker: Worker | null = null
let pending: ((answer: Answer) => void) | null = null

/** Start the worker and let it load and compile the decoder, so that the first frame is read at once. */
export function warm(): void {
  start()
}

function start(): Worker {
  if (worker) return worker
  const started = new Worker(scriptUrl(workerUrl), { type: 'module' })
  started.addEventListener('message', (event: MessageEvent<Answer>) => {
    // A decoder that did not load (first start without a network) is tried afresh with the next job.
    if (event.data.is === 'failed') stop()
    settle(event.data)
  })
  started.addEventListener('error', (event) => {
    stop()
    settle({ is: 'failed', reason: event.message })
  })
  worker = started
  return started
}

function stop(): void {
  worker?.terminate()
  worker = null
}

function settle(answer: Answer): void {
  const resolve = pending
  pending = null
  resolve?.(answer)
}

/** Whether a frame is being read: the next one must wait. */
export function busy(): boolean {
  return pending !== null
}

/** Read all QR codes in a picture. Its pixels are moved to the worker; one call at a time (see `busy`). */
export function decode(image: ImageData): Promise<Answer> {
  if (pending) throw new Error('a frame is still being read')
  return new Promise((resolve) => {
    pending = resolve
    const pixels = image.data.buffer as ArrayBuffer
    start().postMessage({ width: image.width, height: image.height, pixels } satisfies Job, [pixels])
  })
}
