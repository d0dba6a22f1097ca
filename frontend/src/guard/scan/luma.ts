/** A grey picture, row by row, and what is done to one before it is read. Every function makes a new picture. */
export interface Luma {
  readonly data: Uint8Array
  readonly width: number
  readonly height: number
}

/** The brightness of RGBA pixels, in whole numbers close to ITU-R BT.601. */
export function lumaOf(pixels: Uint8ClampedArray, width: number, height: number): Luma {
  const data = new Uint8Array(width * height)
  for (let i = 0, at = 0; i < data.length; i += 1, at += 4)
    data[i] = (pixels[at]! * 77 + pixels[at + 1]! * 150 + pixels[at + 2]! * 29) >> 8
  return { data, width, height }
}

/** The same as RGBA pixels, which is what the reader takes. */
export function pixelsOf({ data, width, height }: Luma): ImageData {
  const words = new Uint32Array(width * height)
  // Alpha lies in the highest byte: every machine a browser runs on today is little-endian.
  for (let i = 0; i < words.length; i += 1) words[i] = 0xff000000 | (data[i]! * 0x010101)
  return new ImageData(new Uint8ClampedArray(words.buffer), width, height)
}

/** How bright a picture is, from 0 to 255: the mean of every 61st pixel. */
export function brightness({ data }: Luma): number {
  let sum = 0
  let count = 0
  for (let i = 0; i < data.length; i += 61) {
    sum += data[i]!
    count += 1
  }
  return count === 0 ? 0 : sum / count
}

/** Blurred by a 3×3 binomial kernel, so many times over: takes the grain out of a dark picture. */
export function blurred(picture: Luma, times = 1): Luma {
  let from = picture
  for (let n = 0; n < times; n += 1) from = blurredOnce(from)
  return from
}

function blurredOnce({ data, width, height }: Luma): Luma {
  const across = new Uint16Array(width * height)
  for (let y = 0; y < height; y += 1) {
    const first = y * width
    const last = first + width - 1
    across[first] = 3 * data[first]! + data[Math.min(first + 1, last)]!
    for (let i = first + 1; i < last; i += 1) across[i] = data[i - 1]! + 2 * data[i]! + data[i + 1]!
    across[last] = data[Math.max(first, last - 1)]! + 3 * data[last]!
  }
  const out = new Uint8Array(width * height)
  for (let y = 0; y < height; y += 1) {
    const here = y * width
    const above = y > 0 ? here - width : here
    const below = y < height - 1 ? here + width : here
    for (let x = 0; x < width; x += 1)
      out[here + x] = (across[above + x]! + 2 * across[here + x]! + across[below + x]! + 8) >> 4
  }
  return { data: out, width, height }
}

/** Half as wide and high, each pixel the mean of four: a quarter of the work, and half of the grain. */
export function halved(picture: Luma): Luma {
  const { data, width, height } = picture
  if (width < 2 || height < 2) return picture
  const half = { width: width >> 1, height: height >> 1 }
  const out = new Uint8Array(half.width * half.height)
  for (let y = 0, at = 0; y < half.height; y += 1)
    for (let x = 0, i = 2 * y * width; x < half.width; x += 1, i += 2, at += 1)
      out[at] = (data[i]! + data[i + 1]! + data[i + width]! + data[i + width + 1]! + 2) >> 2
  return { data: out, ...half }
}

/** Sharpened by what a blur of it lacks, `strength` times: takes back some of a lens out of focus. */
export function sharpened(picture: Luma, strength: number): Luma {
  const { data, width, height } = picture
  const soft = blurred(picture, 2).data
  const out = new Uint8ClampedArray(width * height)
  for (let i = 0; i < out.length; i += 1) out[i] = data[i]! + strength * (data[i]! - soft[i]!)
  return { data: new Uint8Array(out.buffer), width, height }
}
