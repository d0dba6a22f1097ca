// The readers that are compared, as functions of one camera frame or photograph; runs in a browser page.
import jsQR from 'jsqr'
import QrScanner from 'qr-scanner'
import { readBarcodes } from 'zxing-wasm/reader'
import { Ladder, type Readers } from '@scan/ladder'
import { lumaOf } from '@scan/luma'
import { parsePayload } from '@scan/payload'
import { loadReaders } from '@scan/readers'

interface Picture {
  width: number
  height: number
  pixels: Uint8ClampedArray
}
interface Result {
  texts: string[]
  ms: number
}
type Engine = (picture: Picture) => Promise<readonly string[]>

/** What the scan screen's guide square takes of a frame. */
const SHARE = 0.8

let readers: Readers
let scanner: Worker | BarcodeDetector
const canvas = document.createElement('canvas')

/** Engines are made anew for each burst, as a screen that has just been opened. */
function engines(tags: boolean, named: readonly string[]): Record<string, Engine> {
  const ladder = new Ladder(readers, (text) => !tags || parsePayload(text).kind !== 'foreign')
  const all: Record<string, Engine> = {
    ours: async (picture) => {
      const { width, height, pixels } = tags ? cropped(picture) : picture
      return (await ladder.frame(lumaOf(pixels, width, height))).texts
    },
    'zxing-wasm': async (picture) => {
      const image = new ImageData(picture.pixels as Uint8ClampedArray<ArrayBuffer>, picture.width, picture.height)
      return (await readBarcodes(image, { formats: ['QRCode'] })).map(({ text }) => text)
    },
    jsQR: async ({ pixels, width, height }) => {
      const found = jsQR(pixels, width, height)
      return found ? [found.data] : []
    },
    'qr-scanner': async (picture) => {
      canvas.width = picture.width
      canvas.height = picture.height
      const image = new ImageData(picture.pixels as Uint8ClampedArray<ArrayBuffer>, picture.width, picture.height)
      canvas.getContext('2d', { willReadFrequently: true })!.putImageData(image, 0, 0)
      try {
        const found = await QrScanner.scanImage(canvas, { qrEngine: scanner, returnDetailedScanResult: true })
        return [found.data]
      } catch {
        return []
      }
    },
  }
  return Object.fromEntries(named.map((name) => [name, all[name]!]))
}

function cropped({ width, height, pixels }: Picture): Picture {
  const side = Math.round(SHARE * Math.min(width, height))
  const left = (width - side) >> 1
  const top = (height - side) >> 1
  const out = new Uint8ClampedArray(side * side * 4)
  for (let y = 0; y < side; y += 1) {
    const from = ((top + y) * width + left) * 4
    out.set(pixels.subarray(from, from + side * 4), y * side * 4)
  }
  return { width: side, height: side, pixels: out }
}

function grey(luma: Uint8Array, width: number, height: number): Picture {
  const words = new Uint32Array(luma.length)
  for (let i = 0; i < luma.length; i += 1) words[i] = 0xff000000 | (luma[i]! * 0x010101)
  return { width, height, pixels: new Uint8ClampedArray(words.buffer) }
}

async function timed(engine: Engine, picture: Picture): Promise<Result> {
  // Its own copy each, because an engine may write into what it gets.
  const own = { ...picture, pixels: picture.pixels.slice() }
  const started = performance.now()
  const texts = await engine(own)
  return { texts: [...texts], ms: performance.now() - started }
}

/** Put each frame of a burst, fetched as its luma, through every engine; by engine what each frame gave. */
async function burst(
  address: string,
  width: number,
  height: number,
  named: readonly string[],
): Promise<Record<string, Result[]>> {
  const luma = new Uint8Array(await (await fetch(address)).arrayBuffer())
  const results: Record<string, Result[]> = {}
  for (const [name, engine] of Object.entries(engines(true, named))) {
    results[name] = []
    for (let at = 0; at < luma.length; at += width * height)
      results[name].push(await timed(engine, grey(luma.subarray(at, at + width * height), width, height)))
  }
  return results
}

/** Hold a photograph in front of every engine for some frames, and give it to ours as a photo from a file as well. */
async function photo(
  address: string,
  width: number,
  height: number,
  frames: number,
  named: readonly string[],
): Promise<Record<string, Result[]>> {
  const pixels = new Uint8ClampedArray(await (await fetch(address)).arrayBuffer())
  const results: Record<string, Result[]> = {}
  for (const [name, engine] of Object.entries(engines(false, named))) {
    results[name] = []
    for (let n = 0; n < frames; n += 1) results[name].push(await timed(engine, { width, height, pixels }))
  }
  const still: Engine = async (picture) =>
    (await new Ladder(readers, () => true).still(lumaOf(picture.pixels, width, height))).texts
  results['ours, from a file'] = [await timed(still, { width, height, pixels })]
  return results
}

async function prepare(): Promise<void> {
  readers = await loadReaders('/zxing_reader.wasm')
  scanner = await QrScanner.createQrEngine()
}

Object.assign(window, { prepare, burst, photo })
