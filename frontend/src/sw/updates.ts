import { scriptUrl } from './script-url'

/** How long an open page goes without asking for a new version. */
const CHECK_EVERY_MS = 3_600_000
/** How long the page may count on still being idle after it asked for the change. */
const IDLE_FOR_MS = 3000

let waiting: ServiceWorker | null = null
/** The version that was asked to take over. */
let asked: ServiceWorker | null = null
let replaced = false
let reloading = false
const listeners = new Set<() => void>()

/** Register the service worker and watch for a new version. Call once a page; does nothing where there is none. */
export function startUpdates(): void {
  if (!import.meta.env.PROD || !('serviceWorker' in navigator)) return
  const container = navigator.serviceWorker
  let controlled = container.controller !== null
  container.addEventListener('controllerchange', () => {
    if (reloading) location.reload()
    else if (controlled) {
      // Another tab let the new version in, or it came late. This page goes on with what it has until it is idle.
      replaced = true
      announce()
    }
    controlled = true
  })
  void container.register(scriptUrl('/sw.js'), { updateViaCache: 'none' }).then(watch, () => {
    // Without a worker the page works as before while the server can be reached; the next start tries again.
  })
}

function watch(registration: ServiceWorkerRegistration): void {
  const installed = (worker: ServiceWorker | null) => {
    // Without a controller this is the first version, which takes over by itself.
    if (worker?.state !== 'installed' || !navigator.serviceWorker.controller) return
    waiting = worker
    announce()
  }
  installed(registration.waiting)
  registration.addEventListener('updatefound', () => {
    const worker = registration.installing
    worker?.addEventListener('statechange', () => installed(worker))
  })

  let checked = Date.now()
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState !== 'visible' || Date.now() - checked < CHECK_EVERY_MS) return
    checked = Date.now()
    registration.update().catch(() => {
      // No network: the version at hand is good.
    })
  })
}

/** Be told, at once or later, that a new version is ready, and again for each later one, until the answer is called. */
export function whenUpdateReady(listener: () => void): () => void {
  listeners.add(listener)
  if (waiting || replaced) listener()
  return () => listeners.delete(listener)
}

function announce(): void {
  for (const listener of listeners) listener()
}

/** Let the new version in and load the page again. Only for a moment when nothing is half filled in. */
export function applyUpdate(): void {
  if (reloading) return
  if (waiting && waiting.state === 'installed' && waiting === asked) {
    // Chromium may leave it waiting for good when a request came in the very moment of the change; loading again helps.
    reloading = true
    location.reload()
  } else if (waiting && waiting.state === 'installed') {
    reloading = true
    asked = waiting
    waiting.postMessage('take-over')
    // The old worker is replaced only when it has nothing in hand. If that comes later, the page is asked again.
    setTimeout(() => {
      reloading = false
    }, IDLE_FOR_MS)
  } else if (replaced) {
    reloading = true
    location.reload()
  }
}
