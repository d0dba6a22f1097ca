// @vitest-environment node
import { afterEach, expect, test, vi } from 'vitest'
import { NAME, Store, VERSION } from './db'
import { Outbox, SaveFailed } from './outbox'
import { checkpoint, copied, openTab } from './testing/phone'
import { FakeServer } from './testing/server'
import { Profile, settled, TabWorld } from './testing/world'

const nowhere = () => Promise.reject(new TypeError('no network'))

afterEach(() => vi.restoreAllMocks())

test('the self test writes, closes, opens again and reads', async () => {
  const profile = new Profile()
  const opened = vi.spyOn(profile.indexedDB, 'open')
  await new Store(new TabWorld(profile, nowhere)).selfTest()
  expect(opened).toHaveBeenCalledTimes(2)
})

test('no round without storage: each lack has its reason', async () => {
  const without = new TabWorld(new Profile(), nowhere)
  Object.defineProperty(without, 'indexedDB', { value: null })
  await expect(new Store(without).selfTest()).rejects.toMatchObject({ reason: 'missing' })

  const insecure = new TabWorld(new Profile(), nowhere)
  insecure.subtle = null
  await expect(new Store(insecure).selfTest()).rejects.toMatchObject({ reason: 'no_crypto' })

  vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(() => {
    throw new DOMException('no room', 'QuotaExceededError')
  })
  const full = new Store(new TabWorld(new Profile(), nowhere))
  await expect(full.selfTest()).rejects.toMatchObject({ reason: 'full' })

  const forbidden = new TabWorld(new Profile(), nowhere)
  const open = () => {
    throw new DOMException('denied', 'SecurityError')
  }
  Object.defineProperty(forbidden, 'indexedDB', { value: { open } })
  await expect(new Store(forbidden).selfTest()).rejects.toMatchObject({ reason: 'missing' })
})

test('a database that never opens is given up, not waited for in silence', async () => {
  const profile = new Profile()
  vi.spyOn(profile.indexedDB, 'open').mockReturnValue(new (IDBOpenDBRequest as unknown as new () => IDBOpenDBRequest)())
  const world = new TabWorld(profile, nowhere)
  const opening = new Store(world).selfTest()
  opening.catch(() => {})
  await settled()
  await world.advance(10_000)
  await expect(opening).rejects.toMatchObject({ reason: 'broken' })
})

for (const name of ['InvalidStateError', 'UnknownError']) {
  test(`a connection lost with ${name} at every n-th transaction loses nothing and doubles nothing`, async () => {
    for (let every = 2; every <= 7; every++) {
      const server = await FakeServer.make()
      const tab = await openTab(server, new Profile(), every)
      const original = IDBDatabase.prototype.transaction
      let calls = 0
      const spy = vi.spyOn(IDBDatabase.prototype, 'transaction').mockImplementation(function (this: IDBDatabase, ...asked) {
        if (calls++ % every === 0) throw new DOMException('Connection to Indexed Database server lost', name)
        return original.apply(this, asked)
      })
      const saved = []
      for (let i = 0; i < 12; i++) saved.push((await tab.check(`r${i}`)).id)
      expect((await tab.sync.run())?.outcome).toBe('ok')
      spy.mockRestore()
      expect(saved.every((id) => server.memory.records.has(id))).toBe(true)
      expect(await tab.lines()).toHaveLength(13)
    }
  })
}

test('a connection lost after the write was kept does not write twice', async () => {
  const server = await FakeServer.make()
  const tab = await openTab(server)
  const original = IDBDatabase.prototype.transaction
  let first = true
  vi.spyOn(IDBDatabase.prototype, 'transaction').mockImplementation(function (this: IDBDatabase, ...asked) {
    const tx = original.apply(this, asked)
    if (asked[1] === 'readwrite' && first) {
      first = false
      // The disk keeps it; the page hears that it was aborted.
      const listen = tx.addEventListener.bind(tx) as (type: string, call: EventListener) => void
      let aborted: EventListener | null = null
      tx.addEventListener = (type: string, call: unknown) => {
        if (type === 'abort') aborted ??= call as EventListener
        listen(type, (event) => {
          if (type === 'complete') aborted?.(new Event('abort'))
          ;(call as EventListener)(event)
        })
      }
    }
    return tx
  })
  const saved = await tab.check('r1')
  expect(saved.n).toBe(2)
  expect(await tab.lines()).toHaveLength(2)
})

test('a connection that stays lost is red', async () => {
  const tab = await openTab(await FakeServer.make())
  vi.spyOn(IDBDatabase.prototype, 'transaction').mockImplementation(() => {
    throw new DOMException('lost', 'UnknownError')
  })
  await expect(tab.check('r1')).rejects.toBeInstanceOf(SaveFailed)
})

test('a newer version of the app takes over: the old tab stops writing and says so, and every record stays', async () => {
  const profile = new Profile()
  const tab = await openTab(await FakeServer.make(), profile)
  const heard = vi.fn()
  tab.store.onReplaced(heard)
  const before = await tab.check('r1')
  const newer = await new Promise<IDBDatabase>((resolve, reject) => {
    const request = profile.indexedDB.open(NAME, VERSION + 1)
    request.onupgradeneeded = () => request.result.createObjectStore('new')
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
  expect(heard).toHaveBeenCalledOnce()
  await expect(tab.check('r2')).rejects.toMatchObject({ reason: 'closed' })
  const rows = await new Promise<{ id: string }[]>((resolve) => {
    const request = newer.transaction('outbox').objectStore('outbox').getAll()
    request.onsuccess = () => resolve(request.result as { id: string }[])
  })
  expect(rows.map((row) => row.id)).toContain(before.id)
  newer.close()
  // An old page opened afterwards cannot read the newer database and must not try to.
  const late = new Store(new TabWorld(profile, nowhere))
  await expect(late.selfTest()).rejects.toMatchObject({ reason: 'newer_tab' })
})

test('a first start that was killed inside the upgrade begins anew', async () => {
  const profile = new Profile()
  await new Promise<void>((resolve) => {
    const request = profile.indexedDB.open(NAME, VERSION)
    request.onupgradeneeded = () => {
      request.result.createObjectStore('meta')
      request.transaction!.abort()
    }
    request.onerror = () => resolve()
  })
  const world = new TabWorld(profile, nowhere)
  const store = new Store(world)
  await store.selfTest()
  const outbox = new Outbox(world, store, '1.0.0')
  await outbox.open()
  expect((await outbox.save(checkpoint('r1'))).n).toBe(2)
})

test('a save that the database never answers ends in red, and the next one finds the database again', async () => {
  const tab = await openTab(await FakeServer.make())
  await copied(tab)
  const { world, outbox, chain } = tab
  const before = await chain()
  const stuck = vi
    .spyOn(IDBObjectStore.prototype, 'add')
    .mockImplementation(() => new (IDBRequest as unknown as new () => IDBRequest<IDBValidKey>)())
  const saving = outbox.save(checkpoint('r1'))
  const red = expect(saving).rejects.toMatchObject({ name: 'SaveFailed', reason: 'storage' })
  await vi.waitFor(() => expect(stuck).toHaveBeenCalled())
  await world.advance(20_000)
  await red
  stuck.mockRestore()
  expect(await chain()).toEqual(before)
  const saved = await outbox.save(checkpoint('r2'))
  expect(saved.n).toBe(before.next)
})

test('what was given up is taken back: it cannot turn up as saved after it was shown as not saved', async () => {
  const world = new TabWorld(new Profile(), nowhere)
  const store = new Store(world)
  const stuck = store.write(['drafts'], async (tx) => {
    await tx.objectStore('drafts').put('half', 'form')
    // As long as requests keep coming, the transaction does not end.
    for (;;) await tx.objectStore('drafts').get('form')
  })
  const red = expect(stuck).rejects.toMatchObject({ reason: 'broken', detail: 'the database does not answer' })
  await settled()
  await world.advance(20_000)
  await red
  expect(await store.read(['drafts'], (tx) => tx.objectStore('drafts').get('form'))).toBeUndefined()
})

test('work that is done in time leaves no timer behind', async () => {
  const world = new TabWorld(new Profile(), nowhere)
  const store = new Store(world)
  await store.write(['drafts'], async (tx) => void (await tx.objectStore('drafts').put(1, 'form')))
  expect(world.timers.size).toBe(0)
})
