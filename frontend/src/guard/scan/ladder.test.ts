import { expect, test, vi } from 'vitest'
import { Ladder, type Readers } from './ladder'
import type { Luma } from './luma'

const frame = (value: number, side = 64): Luma => ({ data: new Uint8Array(side * side).fill(value), width: side, height: side })

/** Readers that note what they are given and answer from a list; time passes by `takes` with every look. */
function stage(answers: Record<number, string> = {}, takes = 5) {
  let clock = 0
  const looks: string[] = []
  const look = (name: string) => {
    clock += takes
    looks.push(name)
    const text = answers[looks.length]
    return { texts: text ? [text] : [], seen: text !== undefined }
  }
  const readers: Readers = {
    zxing: vi.fn(async (picture, thorough) => look(`zxing ${picture.width}${thorough ? ' thorough' : ''}`)),
    second: vi.fn((picture) => look(`second ${picture.width}`)),
  }
  return { looks, ladder: new Ladder(readers, (text) => text.startsWith('OURS'), () => clock) }
}

test('each of four frames is read in another way, and then all four together', async () => {
  const { ladder, looks } = stage()
  const of: string[][] = []
  for (let n = 0; n < 4; n += 1) {
    looks.length = 0
    await ladder.frame(frame(n))
    of.push([...looks])
  }
  expect(of.slice(0, 3)).toEqual([
    ['zxing 64 thorough', 'second 64'],
    ['zxing 32', 'zxing 32'],
    ['zxing 64', 'second 32'],
  ])
  expect(of[3]).toHaveLength(3)
})

test('a text of ours ends the search, and the next tag is looked for from the start', async () => {
  const { ladder, looks } = stage({ 3: 'OURS' })
  await ladder.frame(frame(1))
  expect(await ladder.frame(frame(2))).toEqual({ texts: ['OURS'], seen: true })
  expect(looks).toHaveLength(3)
  await ladder.frame(frame(3))
  expect(looks[3]).toBe('zxing 64 thorough')
})

test('a poster beside the tag does not end the search, and is told', async () => {
  const { ladder, looks } = stage({ 1: 'POSTER', 2: 'OURS' })
  expect(await ladder.frame(frame(1))).toEqual({ texts: ['POSTER', 'OURS'], seen: true })
  expect(looks).toHaveLength(2)
})

test('a slow phone does one thing a frame, and leaves nothing out', async () => {
  const { ladder, looks } = stage({}, 30)
  await ladder.frame(frame(1))
  expect(looks).toEqual(['zxing 64 thorough'])
  await ladder.frame(frame(2))
  expect(looks).toEqual(['zxing 64 thorough', 'second 64'])
  await ladder.frame(frame(3))
  expect(looks).toEqual(['zxing 64 thorough', 'second 64', 'zxing 32'])
})

test('a lens of another size does not meet the pictures of the one before', async () => {
  const { ladder, looks } = stage()
  for (const side of [64, 64, 64, 128]) await ladder.frame(frame(1, side))
  expect(looks[looks.length - 1]).toBe('zxing 64')
})

test('a photo is tried in every way there is, until one gives a text of ours', async () => {
  const nothing = stage()
  expect(await nothing.ladder.still(frame(1))).toEqual({ texts: [], seen: false })
  expect(nothing.looks).toHaveLength(7)
  const found = stage({ 5: 'OURS' })
  expect(await found.ladder.still(frame(1))).toEqual({ texts: ['OURS'], seen: true })
  expect(found.looks).toHaveLength(5)
})
