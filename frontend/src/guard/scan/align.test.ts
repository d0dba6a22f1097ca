import { expect, test } from 'vitest'
import { averaged } from './align'
import type { Luma } from './luma'

const SIDE = 128

/** A quiet pattern of blocks, as a camera sees it that moved right and down, came nearer and turned, with grain. */
function seen({ right = 0, down = 0, grow = 0, turn = 0, light = 1, grain = 0, seed = 1 } = {}): Luma {
  let state = seed
  const chance = () => (state = (state * 48271) % 2147483647) / 2147483647 - 0.5
  const data = new Uint8Array(SIDE * SIDE)
  for (let y = 0; y < SIDE; y += 1)
    for (let x = 0; x < SIDE; x += 1) {
      const u = x - SIDE / 2 - right
      const v = y - SIDE / 2 - down
      const atX = (u + turn * v) / (1 + grow)
      const atY = (v - turn * u) / (1 + grow)
      const inside = Math.abs(atX) < 40 && Math.abs(atY) < 40
      const value = inside ? 110 + 40 * Math.sin(atX / 5) * Math.sin(atY / 6.5) : 60
      data[y * SIDE + x] = Math.max(0, Math.min(255, value * light + grain * chance()))
    }
  return { data, width: SIDE, height: SIDE }
}

/** Root of the mean squared difference in the middle, where all pictures overlap. */
function apart(a: Luma, b: Luma): number {
  let sum = 0
  let count = 0
  for (let y = 24; y < SIDE - 24; y += 1)
    for (let x = 24; x < SIDE - 24; x += 1) {
      sum += (a.data[y * SIDE + x]! - b.data[y * SIDE + x]!) ** 2
      count += 1
    }
  return Math.sqrt(sum / count)
}

test.each([
  ['moved', { right: 4.5, down: -3 }],
  ['came nearer', { grow: 0.04 }],
  ['turned', { turn: 0.03 }],
  ['did all of it in other light', { right: -3, down: 2.5, grow: -0.03, turn: 0.02, light: 0.8 }],
])('a hand that %s: the pictures come to lie on each other', (_, move) => {
  const still = seen()
  const moved = seen(move)
  const exposure = 'light' in move ? (1 + move.light) / 2 : 1
  const wanted = seen({ light: exposure })
  const blind = seen()
  for (let i = 0; i < blind.data.length; i += 1) blind.data[i] = (still.data[i]! + moved.data[i]!) / 2
  const found = apart(averaged([still, moved]), wanted)
  expect(found).toBeLessThan(3)
  expect(found).toBeLessThan(apart(blind, wanted) / 2)
})

test('grain falls with the number of pictures', () => {
  const frames = [0, 1, 2, 3].map((n) => seen({ right: n, down: -n, grain: 60, seed: 7 + n }))
  const alone = apart(frames[0]!, seen())
  expect(apart(averaged(frames), seen())).toBeLessThan(0.65 * alone)
})

test('a wall without anything to hold on to is not laid onto anything', () => {
  const wall: Luma = { data: new Uint8Array(SIDE * SIDE).fill(50), width: SIDE, height: SIDE }
  expect(averaged([wall, seen()]).data).toEqual(wall.data)
})
