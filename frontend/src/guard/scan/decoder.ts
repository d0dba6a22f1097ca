import { scriptUrl } from '../../sw/script-url'
import workerUrl from './decode.worker.ts?worker&url'
import type { Answer, Job } from './job'

let worker: Worker | null = null
let pending: ((answer: Answer) => void) | null = null
let last: Promise<unknown> = Promise.resolve()
let jobs = 0
let restUntil = 0
/** Of one core, while the camera looks for a code: a phone that gets hot slows down and dies before the round ends. */
const MOST_OF_A_CORE = 0.6

/** Start the worker and let it load and compile the decoder, so that the first frame is read at once. */
export function warm(): void {
  start()
}

/**
 * Whether a picture is being read, or the phone has its rest after one: a camera frame is then dropped, because the
 * next one is better than an old one.
 */
export function busy(): boolean {
  return jobs > 0 || performance.now() < restUntil
}

/** Read all QR codes in a picture, one picture after the other. Its pixels are moved to the worker. */
export function decode(image: ImageData, is: Job['is']): Promise<Answer> {
  jobs += 1
  const answer = last.then(() => post(image, is))
  last = answer.then((said) => {
    jobs -= 1
    if (said.is === 'read') restUntil = performance.now() + said.ms * (1 / MOST_OF_A_CORE - 1)
  })
  return answer
}

function post(image: ImageData, is: Job['is']): Promise<Answer> {
  return new Promise((resolve) => {
    pending = resolve
    const pixels = image.data.buffer as ArrayBuffer
    start().postMessage({ width: image.width, height: image.height, pixels, is } satisfies Job, [pixels])
  })
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
