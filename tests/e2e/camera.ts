/**
 * What Chromium's fake camera shows: PNG pictures (a label, a rasterised sheet) held in front of it one after another.
 *
 *   writeVideo('/tmp/x.y4m', [scene(readPng('tag.png')), wall(), scene(readPng('other.png'))])
 *   chromium --use-fake-ui-for-media-stream --use-fake-device-for-media-stream --use-file-for-fake-video-capture=/tmp/x.y4m
 *
 * Chromium begins the file anew each time the camera is opened and loops it. A test changes what the camera sees by
 * writing the file again: the next opening shows it.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { inflateSync } from 'node:zlib'

export interface Picture {
  readonly width: number
  readonly height: number
  /** One byte a pixel, 0 black to 255 white, row by row. */
  readonly gray: Uint8Array
}

const WIDTH = 640
const HEIGHT = 480
/** The grey of a corridor wall at night. */
const WALL = 70

/** Read a PNG (any colour type of up to 8 bits a channel, not interlaced) as grey; transparent parts are white. */
export function readPng(path: string): Picture {
  const file = readFileSync(path)
  const parts: Buffer[] = []
  let header: Buffer | undefined
  let palette = Buffer.alloc(0)
  for (let at = 8; at < file.length; ) {
    const length = file.readUInt32BE(at)
    const kind = file.toString('latin1', at + 4, at + 8)
    const data = file.subarray(at + 8, at + 8 + length)
    if (kind === 'IHDR') header = data
    if (kind === 'PLTE') palette = data
    if (kind === 'IDAT') parts.push(data)
    at += length + 12
  }
  if (!header) throw new Error(`${path} is not a PNG`)
  const width = header.readUInt32BE(0)
  const height = header.readUInt32BE(4)
  const bits = header[8]!
  const colour = header[9]!
  const channels = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 }[colour]
  if (!channels || bits > 8 || header[12] !== 0) throw new Error(`${path}: a PNG of a kind that is not read here`)

  const stride = Math.ceil((width * channels * bits) / 8)
  const rows = unfilter(inflateSync(Buffer.concat(parts)), height, stride, Math.ceil((channels * bits) / 8))
  const most = (1 << bits) - 1
  const sample = (y: number, index: number) => {
    const bit = index * bits
    return (rows[y * stride + (bit >> 3)]! >> (8 - bits - (bit & 7))) & most
  }
  const gray = new Uint8Array(width * height)
  for (let y = 0; y < height; y += 1)
    for (let x = 0; x < width; x += 1) {
      const value = (channel: number) => sample(y, x * channels + channel)
      let [r, g, b] = [value(0), value(0), value(0)]
      if (colour === 2 || colour === 6) [g, b] = [value(1), value(2)]
      if (colour === 3) [r, g, b] = [palette[r * 3]!, palette[r * 3 + 1]!, palette[r * 3 + 2]!]
      const light = (0.299 * r + 0.587 * g + 0.114 * b) * (colour === 3 ? 1 : 255 / most)
      const opaque = channels === 2 ? value(1) / most : channels === 4 ? value(3) / most : 1
      gray[y * width + x] = Math.round(light * opaque + 255 * (1 - opaque))
    }
  return { width, height, gray }
}

/** Undo the five PNG row filters (PNG specification, clause 9). */
function unfilter(raw: Buffer, height: number, stride: number, step: number): Uint8Array {
  const rows = new Uint8Array(height * stride)
  for (let y = 0; y < height; y += 1) {
    const filter = raw[y * (stride + 1)]!
    for (let x = 0; x < stride; x += 1) {
      const at = y * stride + x
      const left = x >= step ? rows[at - step]! : 0
      const up = y > 0 ? rows[at - stride]! : 0
      const corner = x >= step && y > 0 ? rows[at - stride - step]! : 0
      const guess = [0, left, up, (left + up) >> 1, nearest(left, up, corner)][filter]!
      rows[at] = raw[y * (stride + 1) + 1 + x]! + guess
    }
  }
  return rows
}

function nearest(left: number, up: number, corner: number): number {
  const guess = left + up - corner
  const [a, b, c] = [Math.abs(guess - left), Math.abs(guess - up), Math.abs(guess - corner)]
  return a <= b && a <= c ? left : b <= c ? up : corner
}

/** A part of a picture, for one label of a sheet. Pixels. */
export function part(picture: Picture, x: number, y: number, width: number, height: number): Picture {
  const gray = new Uint8Array(width * height)
  for (let row = 0; row < height; row += 1) {
    const from = (y + row) * picture.width + x
    gray.set(picture.gray.subarray(from, from + width), row * width)
  }
  return { width, height, gray }
}

/** What the camera sees when nothing is held in front of it. */
export function wall(): Picture {
  return { width: WIDTH, height: HEIGHT, gray: new Uint8Array(WIDTH * HEIGHT).fill(WALL) }
}

/** A picture in the middle of the camera's view, its longer side this share of the view's height. */
export function scene(picture: Picture, share = 0.6): Picture {
  const view = wall()
  const scale = (share * HEIGHT) / Math.max(picture.width, picture.height)
  const width = Math.round(picture.width * scale)
  const height = Math.round(picture.height * scale)
  const left = Math.round((WIDTH - width) / 2)
  const top = Math.round((HEIGHT - height) / 2)
  // The mean over the area that one pixel of the view covers, as a lens does it.
  for (let y = 0; y < height; y += 1)
    for (let x = 0; x < width; x += 1) {
      const x1 = Math.floor(x / scale)
      const y1 = Math.floor(y / scale)
      const x2 = Math.min(picture.width, Math.max(x1 + 1, Math.floor((x + 1) / scale)))
      const y2 = Math.min(picture.height, Math.max(y1 + 1, Math.floor((y + 1) / scale)))
      let sum = 0
      for (let row = y1; row < y2; row += 1)
        for (let column = x1; column < x2; column += 1) sum += picture.gray[row * picture.width + column]!
      view.gray[(top + y) * WIDTH + left + x] = sum / ((x2 - x1) * (y2 - y1))
    }
  return view
}

/** Write what the camera shows as YUV4MPEG2: each view (as `scene` and `wall` make them) for the given time. */
export function writeVideo(path: string, views: readonly Picture[], secondsEach = 2, framesPerSecond = 10): void {
  // 4:2:0 with colourless halves; Y4M wants the studio range 16 to 235.
  const colour = Buffer.alloc((WIDTH * HEIGHT) / 2, 128)
  const chunks: Buffer[] = [Buffer.from(`YUV4MPEG2 W${WIDTH} H${HEIGHT} F${framesPerSecond}:1 Ip A1:1 C420jpeg\n`)]
  for (const view of views) {
    const luma = Buffer.from(view.gray.map((value) => 16 + Math.round((value * 219) / 255)))
    for (let frame = 0; frame < secondsEach * framesPerSecond; frame += 1)
      chunks.push(Buffer.from('FRAME\n'), luma, colour)
  }
  writeFileSync(path, Buffer.concat(chunks))
}
