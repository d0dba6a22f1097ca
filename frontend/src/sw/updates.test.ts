import { afterEach, beforeEach, expect, test, vi } from 'vitest'

class Worker extends EventTarget {
  state = 'installing'
  readonly heard: unknown[] = []
  postMessage(message: unknown) {
    this.heard.push(message)
  }
  installed() {
    this.state = 'installed'
    this.dispatchEvent(new Event('statechange'))
  }
}

class Registration extends EventTarget {
  waiting: Worker | null = null
  installing: Worker | null = null
  update = vi.fn(async () => undefined)
}

class Container extends EventTarget {
  controller: Worker | null = null
  readonly register = vi.fn(async () => registration)
}

let registration: Registration
let container: Container
let updates: typeof import('./updates')
const reload = vi.fn()
const ready = vi.fn()

beforeEach(async () => {
  vi.useFakeTimers()
  vi.stubEnv('PROD', true)
  vi.resetModules()
  registration = new Registration()
  container = new Container()
  container.controller = new Worker()
  reload.mockClear()
  ready.mockClear()
  vi.stubGlobal('location', { reload, href: 'http://localhost/', origin: 'http://localhost' })
  Object.defineProperty(navigator, 'serviceWorker', { configurable: true, value: container })
  updates = await import('./updates')
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllEnvs()
  vi.unstubAllGlobals()
})

async function start() {
  updates.startUpdates()
  updates.whenUpdateReady(ready)
  await vi.advanceTimersByTimeAsync(0)
}

async function newVersion(): Promise<Worker> {
  const worker = new Worker()
  registration.installing = worker
  registration.dispatchEvent(new Event('updatefound'))
  worker.installed()
  return worker
}

test('a new version is announced and does nothing by itself', async () => {
  await start()
  const worker = await newVersion()
  expect(ready).toHaveBeenCalledTimes(1)
  expect(worker.heard).toEqual([])
  expect(reload).not.toHaveBeenCalled()
})

test('when the page says so the new version takes over and the page loads once more', async () => {
  await start()
  const worker = await newVersion()
  updates.applyUpdate()
  updates.applyUpdate()
  expect(worker.heard).toEqual(['take-over'])
  container.dispatchEvent(new Event('controllerchange'))
  expect(reload).toHaveBeenCalledTimes(1)
})

test('a version that waited since the last start is announced at this one', async () => {
  registration.waiting = new Worker()
  registration.waiting.state = 'installed'
  await start()
  expect(ready).toHaveBeenCalledTimes(1)
})

test('the very first version takes over without a word', async () => {
  container.controller = null
  await start()
  await newVersion()
  container.dispatchEvent(new Event('controllerchange'))
  expect(ready).not.toHaveBeenCalled()
  expect(reload).not.toHaveBeenCalled()
})

test('a version let in by another tab never reloads this one until it says so', async () => {
  await start()
  container.dispatchEvent(new Event('controllerchange'))
  expect(reload).not.toHaveBeenCalled()
  expect(ready).toHaveBeenCalledTimes(1)
  updates.applyUpdate()
  expect(reload).toHaveBeenCalledTimes(1)
})

test('a change that comes long after it was asked for does not reload a page that may be busy again', async () => {
  await start()
  await newVersion()
  updates.applyUpdate()
  await vi.advanceTimersByTimeAsync(60_000)
  container.dispatchEvent(new Event('controllerchange'))
  expect(reload).not.toHaveBeenCalled()
  expect(ready).toHaveBeenCalledTimes(2)
})

test('a version that was asked in and stays waiting is let in by loading the page at the next touch', async () => {
  await start()
  const worker = await newVersion()
  updates.applyUpdate()
  await vi.advanceTimersByTimeAsync(60_000)
  expect(reload).not.toHaveBeenCalled()
  updates.applyUpdate()
  expect(worker.heard).toEqual(['take-over'])
  expect(reload).toHaveBeenCalledTimes(1)
})

test('a browser without service workers goes on without', async () => {
  Reflect.deleteProperty(navigator, 'serviceWorker')
  await start()
  expect(ready).not.toHaveBeenCalled()
})
