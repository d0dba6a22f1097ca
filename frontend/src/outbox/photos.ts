/** Photos follow their records, one by one, each under the hash of its bytes. */
import { ask, isProblem, type Outcome, parse, refusal } from './answers'
import type { DeviceRow, PhotoRow, PhotoState, Store } from './db'
import { isWhole, type Outbox } from './outbox'
import type { World } from './world'

const PHOTO_TIMEOUT = 90_000

const PORTAL: Outcome = { outcome: 'portal', status: 200, code: null, retryAfter: 0 }

export type Progress = { readonly done: number; readonly total: number } | null

export class Photos {
  constructor(
    private readonly world: World,
    private readonly store: Store,
    private readonly outbox: Outbox,
    private readonly show: (progress: Progress) => void,
  ) {}

  /** Sends what the server wants and what it was never offered, one by one. */
  async send(
    wanted: readonly string[],
    tried: Set<string>,
    renew: () => Promise<void>,
  ): Promise<{ outcome: Outcome | null; worked: boolean }> {
    const fresh = await this.store.read(['photos'], (tx) => tx.objectStore('photos').index('state').getAllKeys('waiting'))
    const left = [...new Set([...fresh, ...wanted])].filter((name) => !tried.has(name))
    // A photo that the server chokes on must not stand before the others for ever.
    const first = left.length === 0 ? 0 : this.world.random(1)[0]! % left.length
    const names = [...left.slice(first), ...left.slice(0, first)]
    let worked = false
    for (const [done, name] of names.entries()) {
      tried.add(name)
      const [photo, device] = await this.store.read(['photos', 'device'], async (tx) => {
        const device = (await tx.objectStore('device').get('device')) as DeviceRow | undefined
        return [await tx.objectStore('photos').get(name), device] as const
      })
      // Another phone's, or one that a lost database took along; the server keeps asking whoever may have it.
      if (photo === undefined || device === undefined) continue
      const gone = photo.state === 'lost' || photo.state === 'dropped' ? 'lost' : photo.state
      if (gone === 'lost' || gone === 'refused' || gone === 'damaged' || !(await isWhole(this.world, photo))) {
        const what = gone === 'lost' || gone === 'refused' ? gone : 'damaged'
        worked = (await this.report(photo, what, null)) || worked
        continue
      }
      this.show({ done, total: names.length })
      await renew()
      const outcome = await this.put(device, photo)
      if (outcome !== null) return { outcome, worked }
      worked = true
    }
    return { outcome: null, worked }
  }

  private async put(device: DeviceRow, photo: PhotoRow): Promise<Outcome | null> {
    const answer = await ask(this.world, `/api/v1/photos/${photo.sha256}`, {
      method: 'PUT',
      headers: { Authorization: `Bearer ${device.token}`, 'Content-Type': photo.type },
      body: photo.bytes!,
      timeout: PHOTO_TIMEOUT,
    })
    const body = answer === null ? null : parse(answer.text)
    if (answer?.status === 200 || answer?.status === 201) {
      // Only our server names the very photo; a portal's 200 leaves it waiting.
      if ((body as { sha256?: unknown } | null)?.sha256 !== photo.sha256) return PORTAL
      await this.mark(photo.sha256, 'waiting', 'stored')
      this.outbox.later((spare) => spare.stored(photo.sha256))
      return null
    }
    const problem = isProblem(body) ? body : null
    const hopeless = answer?.status === 413 || (answer?.status === 422 && problem?.code !== 'photo_hash_differs')
    if (hopeless && problem !== null) {
      await this.report(photo, 'refused', problem.code)
      return null
    }
    return refusal(this.world, this.store, device.token, answer, problem)
  }

  private async mark(name: string, from: PhotoState, to: PhotoState): Promise<void> {
    await this.store.write(['photos'], async (tx) => {
      const row = await tx.objectStore('photos').get(name)
      if (row?.state !== from) return
      await tx.objectStore('photos').put({ ...row, state: to })
    })
    this.world.tell()
  }

  /** Tells the supervisor, by a record of the phone's own, that a photo will not come. Once for each photo. */
  private async report(photo: PhotoRow, what: 'damaged' | 'lost' | 'refused', code: string | null): Promise<boolean> {
    const key = `photo:${photo.sha256}`
    const known = await this.store.read(['aside'], (tx) => tx.objectStore('aside').get(key))
    if (known !== undefined) {
      await this.mark(photo.sha256, 'waiting', what)
      return false
    }
    const { record: id, sha256: name } = photo
    const at = this.world.now()
    await this.outbox.note(
      'correction',
      { data: { photos: { [name]: what } }, ref: id },
      {
        stores: ['photos', 'aside'],
        work: async (tx) => {
          const row = await tx.objectStore('photos').get(name)
          if (row?.state === 'waiting' || row?.state === 'stored') {
            await tx.objectStore('photos').put({ ...row, state: what })
          }
          await tx.objectStore('aside').put({
            key,
            what: 'photo',
            id,
            code: code ?? `photo_${what}`,
            at,
            line: null,
            sha256: name,
            onServer: false,
          })
        },
      },
    )
    return true
  }
}
