import { expect, test } from 'vitest'
import { type Luma, blurred, brightness, halved, lumaOf, sharpened } from './luma'

const flat = (value: number, width = 9, height = 7): Luma => ({
  data: new Uint8Array(width * height).fill(value),
  width,
  height,
})

test('white, black and the three colours have the brightness that the standard gives them', () => {
  const pixels = new Uint8ClampedArray([255, 255, 255, 255, 0, 0, 0, 255, 255, 0, 0, 255, 0, 255, 0, 255, 0, 0, 255, 255])
  expect([...lumaOf(pixels, 5, 1).data]).toEqual([255, 0, 76, 149, 28])
})

test.each([0, 1, 128, 255])('a wall of brightness %d stays what it is, whatever is done to it', (value) => {
  const wall = flat(value)
  expect([...blurred(wall, 3).data]).toEqual([...wall.data])
  expect([...sharpened(wall, 4).data]).toEqual([...wall.data])
  expect([...halved(wall).data]).toEqual([...flat(value, 4, 3).data])
  expect(brightness(wall)).toBe(value)
})

test('a blur spreads one bright pixel over its neighbours and keeps what it sums up to', () => {
  const dot = flat(0)
  dot.data[3 * 9 + 4] = 160
  const soft = blurred(dot)
  expect(soft.data[3 * 9 + 4]).toBe(40)
  expect(soft.data[2 * 9 + 4]).toBe(20)
  expect(soft.data[2 * 9 + 3]).toBe(10)
  expect(soft.data.reduce((sum, value) => sum + value, 0)).toBe(160)
})

test('halving takes the mean of four, and leaves out an odd last row and column', () => {
  const picture: Luma = { width: 3, height: 3, data: new Uint8Array([0, 8, 99, 16, 24, 99, 99, 99, 99]) }
  expect(halved(picture)).toEqual({ width: 1, height: 1, data: new Uint8Array([12]) })
})

test('a picture too small to halve is left alone', () => {
  expect(halved(flat(7, 1, 100))).toEqual(flat(7, 1, 100))
})

test('sharpening makes a soft edge steeper and never leaves the range', () => {
  const edge: Luma = { width: 9, height: 3, data: new Uint8Array(27) }
  for (let i = 0; i < 27; i += 1) edge.data[i] = [20, 20, 20, 60, 120, 180, 220, 220, 220][i % 9]!
  const crisp = sharpened(edge, 2)
  expect(crisp.data[9 + 5]! - crisp.data[9 + 3]!).toBeGreaterThan(120)
  expect(Math.max(...crisp.data)).toBeLessThanOrEqual(255)
})
