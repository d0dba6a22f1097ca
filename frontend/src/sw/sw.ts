/**
 * The service worker: keeps the guard page's built files, so that every one of its addresses opens without a network.
 *
 * It holds no data. The records wait in the page's own database, so a change of worker can never lose one.
 * build/precache.ts fills in the list and the version, a hash over the contents of all files in the list.
 */
declare const __PRECACHE__: { version: string; files: [path: string, integrity: string][] }

/** Not yet in the worker's types. */
type Routes = { addRoutes?: (rules: { condition: { urlPattern: string }; source: 'network' }[]) => Promise<void> }

const sw = self as unknown as ServiceWorkerGlobalScope
const { version, files } = __PRECACHE__
const PREFIX = 'guard-'
const CACHE = PREFIX + version
const paths = new Set(files.map(([path]) => path))

sw.addEventListener('install', (event) => {
  // A worker with requests in hand is never replaced, so a busy sync could hold an update off for long. Calls to the
  // server need no worker; browsers that know routes (Chromium 123) leave it out of them altogether.
  ;(event as Routes).addRoutes?.([{ condition: { urlPattern: '/api/*' }, source: 'network' }]).catch(() => undefined)
  // The integrity makes it all or nothing: a captive portal's page, or half of an update, is never kept.
  const wanted = files.map(([path, integrity]) => new Request(path, { integrity, cache: 'no-cache' }))
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(wanted)))
})

sw.addEventListener('activate', (event) => {
  event.waitUntil(
    caches
      .keys()
      .then((names) => names.filter((name) => name.startsWith(PREFIX) && name !== CACHE))
      .then((old) => Promise.all(old.map((name) => caches.delete(name))))
      .then(() => sw.clients.claim()),
  )
})

// A new version waits until the page says that nothing is half filled in; see updates.ts.
sw.addEventListener('message', (event) => {
  if (event.data === 'take-over') void sw.skipWaiting()
})

sw.addEventListener('fetch', (event) => {
  const { request } = event
  const url = new URL(request.url)
  if (request.method !== 'GET' || url.origin !== sw.location.origin) return
  const guardPage = request.mode === 'navigate' && (url.pathname === '/' || /^\/[0-9a-z]{10}$/i.test(url.pathname))
  const path = guardPage ? '/' : url.pathname
  if (!paths.has(path) || (path === '/' && !guardPage)) return
  event.respondWith(
    caches
      .open(CACHE)
      .then((cache) => cache.match(path))
      .then((kept) => kept ?? fetch(request)),
  )
})
