import { afterEach, expect, test, vi } from 'vitest'
import { hasNfc, listen, mayNfc } from './nfc'

class Reader extends EventTarget {
  static last: Reader
  static refuse: Error | null = null
  signal: AbortSignal | null = null
  constructor() {
    super()
    Reader.last = this
  }
  async scan({ signal }: { signal: AbortSignal }) {
    if (Reader.refuse) throw Reader.refuse
    this.signal = signal
  }
  hold(...records: [type: string, text: string][]) {
    const message = {
      records: records.map(([recordType, text]) => ({
        recordType,
        data: new DataView(new TextEncoder().encode(text).buffer),
      })),
    }
    this.dispatchEvent(Object.assign(new Event('reading'), { message }))
  }
}

afterEach(() => {
  vi.unstubAllGlobals()
  Reader.refuse = null
})

test('a browser without the interface has no NFC, and may not use it', async () => {
  expect(hasNfc()).toBe(false)
  expect(await mayNfc()).toBe(false)
})

test('addresses and texts of a sticker are handed over, other things on it are not', async () => {
  vi.stubGlobal('NDEFReader', Reader)
  expect(hasNfc()).toBe(true)
  const read: string[][] = []
  await listen((texts) => read.push(texts), new AbortController().signal)
  Reader.last.hold(['mime', 'image'], ['url', 'HTTPS://NIGHT.EXAMPLE/1428W3D1E8'], ['text', '张'])
  expect(read).toEqual([['HTTPS://NIGHT.EXAMPLE/1428W3D1E8', '张']])
})

test('nothing is handed over once the screen is closed', async () => {
  vi.stubGlobal('NDEFReader', Reader)
  const read: string[][] = []
  const screen = new AbortController()
  await listen((texts) => read.push(texts), screen.signal)
  screen.abort()
  Reader.last.hold(['url', 'HTTPS://NIGHT.EXAMPLE/1428W3D1E8'])
  expect(read).toEqual([])
  expect(Reader.last.signal?.aborted).toBe(true)
})

test('a guard who says no is told', async () => {
  vi.stubGlobal('NDEFReader', Reader)
  Reader.refuse = new DOMException('', 'NotAllowedError')
  await expect(listen(() => undefined, new AbortController().signal)).rejects.toThrow()
})
