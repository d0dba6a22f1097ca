// First, for what follows needs it as it loads.
import './has-own'
import decodeQR from 'qr/decode.js'
import { prepareZXingModule, readBarcodes } from 'zxing-wasm/reader'
import type { Readers } from './ladder'
import { pixelsOf } from './luma'

/** Load and compile the reader's wasm from an address of ours, once; rejects when it cannot be had. */
export async function loadReaders(wasm: string): Promise<Readers> {
  await prepareZXingModule({ overrides: { locateFile: () => wasm }, fireImmediately: true })
  return { zxing, second }
}

const zxing: Readers['zxing'] = async (picture, thorough) => {
  const results = await readBarcodes(pixelsOf(picture), {
    formats: ['QRCode'],
    tryDownscale: thorough,
    // Finder patterns are found at any angle, and our tags are dark on white.
    tryRotate: false,
    tryInvert: false,
    // A poster's code may hang beside the tag; the page takes the one that is ours.
    maxNumberOfSymbols: 4,
    // As it is in the code, without signs for what cannot be printed.
    textMode: 'Plain',
    // A code that is found but not read says that the guard is there, and the clock of its tag runs.
    returnErrors: true,
  })
  return { texts: results.filter(({ isValid }) => isValid).map(({ text }) => text), seen: results.length > 0 }
}

const second: Readers['second'] = ({ data, width, height }) => {
  try {
    // The brightness alone is what this layout begins with. No time limit of its own: the same picture gives the same.
    const text = decodeQR({ data, width, height }, { format: 'I420', effort: 1, timeLimit: Number.MAX_SAFE_INTEGER })
    return { texts: [text], seen: true }
  } catch {
    // It throws where it finds nothing.
    return { texts: [], seen: false }
  }
}
