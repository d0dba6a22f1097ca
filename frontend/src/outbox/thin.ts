/** Room on the phone: comes long after the first paint, and only when nothing waits. */
import type { Store } from './db'
import type { World } from './world'

const KEEP_PHOTOS = 30 * 24 * 3_600_000

/** Photos on the server and older than 30 days shrink to thumbnails. */
export async function thin(world: World, store: Store): Promise<void> {
  const before = world.now() - KEEP_PHOTOS
  const stored = await store.read(['photos'], (tx) => tx.objectStore('photos').index('state').getAll('stored'))
  for (const photo of stored) {
    if (photo.at >= before || photo.bytes === null) continue
    const thumb = await world.thumbnail(photo.bytes, photo.type)
    // A browser that cannot make one keeps the whole photo.
    if (thumb === null || thumb.byteLength >= photo.bytes.byteLength) continue
    await store.write(['photos'], async (tx) => {
      const row = await tx.objectStore('photos').get(photo.sha256)
      if (row?.state === 'stored') await tx.objectStore('photos').put({ ...row, state: 'dropped', bytes: null, thumb })
    })
    world.tell()
  }
}
