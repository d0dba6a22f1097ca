/** A photo small enough to keep and to send from a corridor: JPEG, long side at most 1600 px, at most 300 kB.
 *  Drawing it on a canvas drops EXIF, and with it the place where it was taken. */
const LONG_SIDE = 1600
const LIMIT = 300_000
const QUALITIES = [0.82, 0.7, 0.58, 0.46]

export class NotAPhoto extends Error {}

/** Width and height when the long side is at most `limit`. */
export function fit(width: number, height: number, limit: number): { width: number; height: number } {
  const scale = Math.min(1, limit / Math.max(width, height))
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) }
}

async function load(file: Blob): Promise<HTMLImageElement> {
  const address = URL.createObjectURL(file)
  try {
    const image = new Image()
    image.src = address
    await image.decode()
    return image
  } catch {
    throw new NotAPhoto()
  } finally {
    URL.revokeObjectURL(address)
  }
}

/** Shrink a picture from the camera or the gallery. Raises NotAPhoto when this browser cannot read it. */
export async function shrink(file: Blob): Promise<ArrayBuffer> {
  const image = await load(file)
  for (let limit = LONG_SIDE; ; limit = Math.round(limit * 0.75)) {
    const { width, height } = fit(image.naturalWidth, image.naturalHeight, limit)
    const canvas = document.createElement('canvas')
    canvas.width = width
    canvas.height = height
    const context = canvas.getContext('2d')
    if (!context) throw new NotAPhoto()
    context.drawImage(image, 0, 0, width, height)
    for (const quality of QUALITIES) {
      const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done, 'image/jpeg', quality))
      if (!blob) throw new NotAPhoto()
      if (blob.size <= LIMIT || limit < 400) return blob.arrayBuffer()
    }
  }
}
