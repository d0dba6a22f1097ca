import { expect, test } from 'vitest'
import { cropOf } from './frames'

const phone = { x: 0, y: 0, width: 390, height: 844 }

test('a guide in the middle of the screen is the middle of the frame', () => {
  const guide = { x: 45, y: 272, width: 300, height: 300 }
  const crop = cropOf({ width: 720, height: 1280 }, phone, guide)
  expect(crop.side).toBe(576)
  expect(crop.x).toBe((720 - 576) / 2)
  expect(crop.y).toBe((1280 - 576) / 2)
})

test('a guide above the middle moves the crop up by as much, in the pixels of the frame', () => {
  const high = cropOf({ width: 720, height: 1280 }, phone, { x: 45, y: 172, width: 300, height: 300 })
  const scale = 844 / 1280
  expect(high.y).toBe(Math.round((1280 - 576) / 2 - 100 / scale))
})

test('a large guide on a sideways frame never asks for more than the frame has', () => {
  const crop = cropOf({ width: 640, height: 480 }, phone, { x: 20, y: 100, width: 350, height: 350 })
  expect(crop.side).toBeLessThanOrEqual(480)
  expect(crop.x).toBeGreaterThanOrEqual(0)
  expect(crop.y).toBeGreaterThanOrEqual(0)
  expect(crop.x + crop.side).toBeLessThanOrEqual(640)
  expect(crop.y + crop.side).toBeLessThanOrEqual(480)
})

test('a guide in a corner keeps the crop inside the frame', () => {
  const crop = cropOf({ width: 720, height: 1280 }, phone, { x: 0, y: 0, width: 200, height: 200 })
  expect(crop).toEqual({ x: expect.any(Number), y: 0, side: 576 })
  expect(crop.x).toBeGreaterThanOrEqual(0)
})
