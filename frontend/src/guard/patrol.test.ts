import { beforeEach, expect, test, vi } from 'vitest'
import { startLanguage } from '../i18n/i18n'
import type { Pack, Phone, PhoneState, RecordView } from '../outbox'
import { syncSentence, troubleSentence } from './home/sync'
import { Patrol } from './patrol.svelte'
import { tagHash } from './scan/payload'

const READY: PhoneState = {
  ready: true,
  enrolled: true,
  device: { id: 'd', name: '门卫一号' },
  school: { id: 's', name: '学校', zone: 'Asia/Shanghai', language: 'zh-CN' },
  waiting: 0,
  safe: 3,
  photosWaiting: 0,
  sending: null,
  safeUntil: 1,
  aside: 0,
  handedOver: 0,
  persisted: true,
  lastTry: null,
  lastReceipt: null,
  trouble: null,
}
const DEAD: PhoneState = {
  ...READY,
  ready: false,
  enrolled: false,
  trouble: { kind: 'storage', reason: 'missing', detail: 'no IndexedDB' },
}

/** A phone whose storage answers as told. */
function phoneWith(state: PhoneState) {
  let tell = (_: PhoneState): void => {}
  const drafts = new Map<string, unknown>()
  const broken = { now: false }
  const guarded = async <T>(work: () => T): Promise<T> => {
    if (broken.now) throw new Error('the database does not open')
    return work()
  }
  const phone = {
    state,
    pack: null,
    subscribe: (call: typeof tell) => void (tell = call)(state),
    subscribePack: () => undefined,
    records: vi.fn(() => guarded((): RecordView[] => [])),
    save: vi.fn(async () => ({ id: 'r', stream: 's', n: 1, at: '', photosLost: [] })),
    drafts: {
      get: (key: string) => guarded(() => drafts.get(key)),
      put: (key: string, value: unknown) => guarded(() => void drafts.set(key, value)),
      keys: () => guarded(() => [...drafts.keys()]),
      remove: (key: string) => guarded(() => void drafts.delete(key)),
    },
  }
  return { patrol: new Patrol(phone as unknown as Phone), phone, drafts, broken, tell: (next: PhoneState) => tell(next) }
}

beforeEach(() => startLanguage())

test('the screens open, and say why, although nothing can be read', async () => {
  const { patrol, broken } = phoneWith(DEAD)
  broken.now = true
  await patrol.resume()
  expect(troubleSentence(patrol.state)).toMatch(/浏览器|browser/)
  expect(syncSentence(patrol.state, 'Asia/Shanghai', 1).mood).toBe('wrong')
})

test('a storage that comes back brings the half-filled checklist back, once', async () => {
  const { patrol, drafts, broken, tell } = phoneWith(DEAD)
  drafts.set('checklist', { tag: '123455', method: 'typed', marks: {} })
  broken.now = true
  await patrol.resume()
  expect(patrol.look).toBeNull()
  broken.now = false
  tell(READY)
  await vi.waitFor(() => expect(patrol.look?.tag).toBe('123455'))
  patrol.look = null
  tell(DEAD)
  tell(READY)
  await new Promise((resolve) => setTimeout(resolve))
  expect(patrol.look).toBeNull()
})

test('a record that is kept counts as saved even when the list of tonight cannot be read again', async () => {
  const { patrol, phone, broken } = phoneWith(READY)
  await patrol.resume()
  const look = await patrol.read('7K3Q9ZX0A1', 'camera', 0)
  broken.now = true
  await patrol.saveLook(look, {}, [], 0)
  expect(phone.save).toHaveBeenCalledTimes(2)
  expect(patrol.justSaved?.id).toBe('r')
})

const HASHED = {
  cursor: 'c',
  made_at: '',
  school: READY.school!,
  people: [],
  buildings: [{ id: 'b', name: '明德楼' }],
  places: [
    { id: 'p1', building: 'b', floor: 1, kind: 'room', number: 'A101', name: '七1班', type: null, questions: [], last: null },
  ],
  routes: [],
  questions: [],
  findings: [],
} as const

/** A pack that knows one tag: `place` null says it is blank. */
async function packWith(place: string | null, revoked = false): Promise<Pack> {
  const [hash, short_hash] = await Promise.all([tagHash('s', '7K3Q9ZX0A1'), tagHash('s', '123455')])
  return { ...HASHED, tags: [{ place, hash: hash.slice(0, 6), short_hash: short_hash.slice(0, 7), revoked }] }
}

test('a blank tag asks where it hangs, by its code or its number, and never again once it was said', async () => {
  const { patrol, phone } = phoneWith(READY)
  patrol.pack = await packWith(null)
  for (const tag of ['7K3Q9ZX0A1', '123455']) {
    expect(await patrol.read(tag, 'camera', 0)).toMatchObject({ asks: 'place', notice: 'blank', place: null })
  }
  const said = { kind: 'tag_placed', tag: '7K3Q9ZX0A1', at: new Date().toISOString(), data: { place: 'p1' }, ref: null }
  phone.records.mockResolvedValue([said as unknown as RecordView])
  await patrol.reload()
  expect(await patrol.read('7K3Q9ZX0A1', 'camera', 0)).toMatchObject({ asks: null, notice: null, place: { id: 'p1' } })
})

test('only a blank tag asks: one that was retired or hangs somewhere opens its checklist', async () => {
  const { patrol } = phoneWith(READY)
  for (const [place, revoked, notice] of [['p1', false, null], ['p1', true, 'revoked'], [null, true, 'revoked'], ['gone', false, 'unknown']] as const) {
    patrol.pack = await packWith(place, revoked)
    expect(await patrol.read('7K3Q9ZX0A1', 'camera', 0)).toMatchObject({ asks: null, notice })
  }
})

test('a place picked from the list is recorded without a tag, and says so', async () => {
  const { patrol, phone } = phoneWith(READY)
  patrol.pack = await packWith('p1')
  const look = await patrol.read('p1', 'list', 0)
  expect(look).toMatchObject({ notice: 'noTag', place: { id: 'p1' } })
  await patrol.saveLook(look, {}, [], 0)
  const saved = (phone.save.mock.calls as unknown[][]).map(([record]) => record as { kind: string })
  expect(saved.find(({ kind }) => kind === 'checkpoint')).toMatchObject({ tag: null, data: { place: 'p1', method: 'list' } })
})

test('the phone locks although nothing can be written', async () => {
  const { patrol, broken } = phoneWith(READY)
  await patrol.unlock({ id: 'p', name: '王建国', role: 'guard' }, true)
  broken.now = true
  await patrol.lock()
  expect(patrol.person).toBeNull()
})
