/** The parts of the outbox wired together over a fake world, as `Phone` does it, with their insides open to tests. */
import { type Chain, type DeviceRow, Store } from '../db'
import { Outbox } from '../outbox'
import { Sync } from '../sync'
import type { NewPhoto, NewRecord, Saved } from '../types'
import type { FakeServer } from './server'
import { Profile, TabWorld } from './world'

export interface Tab {
  readonly world: TabWorld
  readonly store: Store
  readonly outbox: Outbox
  readonly sync: Sync
  chain(): Promise<Chain>
  check(place: string, photos?: readonly NewPhoto[]): Promise<Saved>
  lines(): Promise<string[]>
}

export async function openTab(server: FakeServer, profile = new Profile(), seed = 1, enrolled = true): Promise<Tab> {
  const world = new TabWorld(profile, server.answer, seed)
  const store = new Store(world)
  const outbox = new Outbox(world, store, '1.0.0')
  const sync = new Sync(world, store, outbox, '1.0.0', () => {})
  await outbox.open()
  if (enrolled) await putDevice(store, server)
  return {
    world,
    store,
    outbox,
    sync,
    chain: () => store.read(['meta'], async (tx) => (await tx.objectStore('meta').get('chain')) as Chain),
    check: (place, photos = []) => outbox.save(checkpoint(place, photos), photos),
    lines: () =>
      store.read(['outbox'], async (tx) => (await tx.objectStore('outbox').getAll()).map((row) => row.line)),
  }
}

/** Waits until everything that was begun with the spare copy is done. */
export async function copied({ outbox }: Tab): Promise<void> {
  await new Promise<void>((done) => {
    outbox.later(async () => done())
  })
}

export async function putDevice(store: Store, server: FakeServer, token = 'token-1'): Promise<void> {
  const school = { id: 'school-1', name: '育才中学', zone: 'Asia/Shanghai', language: 'zh-CN' }
  const row: DeviceRow = { device: { id: 'd1', name: '门卫一号' }, school, token, serverKey: server.serverKey }
  await store.write(['device'], async (tx) => void (await tx.objectStore('device').put(row, 'device')))
}

export function checkpoint(place: string, photos: readonly NewPhoto[] = []): NewRecord {
  const readings = { lights: { value: 'off' }, hazard: { value: 'none', photos: photos.map((photo) => photo.sha256) } }
  return { kind: 'checkpoint', person: 'p1', tag: '7K3Q9ZX0A1', data: { place, method: 'camera', readings } }
}

export function bytesOf(text: string): ArrayBuffer {
  const bytes = new TextEncoder().encode(text)
  return bytes.buffer
}
