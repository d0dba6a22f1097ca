import { blurred, halved, type Luma } from './luma'

/**
 * How one picture lies on another, both measured from their middles: a point (x, y) of the first is at
 * (x + grow·x − turn·y + right, y + turn·x + grow·y + down) of the second. Right and down in pixels.
 */
interface Placing {
  readonly grow: number
  readonly turn: number
  readonly right: number
  readonly down: number
}

const STILL: Placing = { grow: 0, turn: 0, right: 0, down: 0 }
/** Rows and columns at the rim that the pictures need not share. */
const RIM = 8

/**
 * The mean of some pictures of the same thing, each laid onto the first: hands tremble, walk and turn a little.
 * Grain falls with the root of their number, where a blur would take the code's modules along with it.
 */
export function averaged(pictures: readonly Luma[]): Luma {
  const [first, ...others] = pictures as [Luma, ...Luma[]]
  const sum = Float32Array.from(first.data)
  const count = new Uint8Array(sum.length).fill(1)
  const coarse = pyramid(first)
  for (const other of others) {
    const placing = placed(coarse, pyramid(other))
    if (placing) add(other, placing, sum, count)
  }
  const data = new Uint8Array(sum.length)
  for (let i = 0; i < data.length; i += 1) data[i] = sum[i]! / count[i]!
  return { data, width: first.width, height: first.height }
}

type Pyramid = readonly [quarter: Luma, half: Luma]

function pyramid(picture: Luma): Pyramid {
  const half = halved(picture)
  return [blurred(halved(half), 3), blurred(half, 2)]
}

/** Found roughly at a quarter of the size, then exactly at half of it; null where nothing holds on to anything. */
function placed(first: Pyramid, second: Pyramid): Placing | null {
  const rough = settled(first[0], second[0], STILL, 12)
  const fine = rough && settled(first[1], second[1], doubled(rough), 6)
  return fine && doubled(fine)
}

function doubled({ grow, turn, right, down }: Placing): Placing {
  return { grow, turn, right: 2 * right, down: 2 * down }
}

/**
 * Improve a placing until it settles, by Gauss–Newton steps on the squared difference (Lucas and Kanade 1981),
 * the second picture's exposure brought to that of the first.
 */
function settled(first: Luma, second: Luma, from: Placing, steps: number): Placing | null {
  const { data, width, height } = first
  const middleX = width / 2
  const middleY = height / 2
  let placing = from
  for (let step = 0; step < steps; step += 1) {
    const exposure = exposureOf(first, second, placing)
    // Rows of [4 × 4 normal matrix | right side].
    const normal = [0, 1, 2, 3].map(() => new Float64Array(5))
    for (let y = RIM; y < height - RIM; y += 1)
      for (let x = RIM; x < width - RIM; x += 1) {
        const i = y * width + x
        const slopeX = (data[i + 1]! - data[i - 1]!) / 2
        const slopeY = (data[i + width]! - data[i - width]!) / 2
        if (slopeX === 0 && slopeY === 0) continue
        const u = x - middleX
        const v = y - middleY
        const seen = lookUp(second, placing, x, y)
        if (seen < 0) continue
        const miss = data[i]! - seen * exposure
        const by = [slopeX * u + slopeY * v, slopeY * u - slopeX * v, slopeX, slopeY]
        for (let row = 0; row < 4; row += 1) {
          const line = normal[row]!
          for (let column = 0; column < 4; column += 1) line[column]! += by[row]! * by[column]!
          line[4]! += by[row]! * miss
        }
      }
    const move = solved(normal)
    if (!move) return null
    const [grow, turn, right, down] = move
    placing = {
      grow: placing.grow + grow,
      turn: placing.turn + turn,
      right: placing.right + right,
      down: placing.down + down,
    }
    if (Math.abs(right) + Math.abs(down) < 0.03 && Math.abs(grow) + Math.abs(turn) < 3e-4) break
  }
  return placing
}

function exposureOf(first: Luma, second: Luma, placing: Placing): number {
  let ours = 0
  let theirs = 0
  for (let y = RIM; y < first.height - RIM; y += 2)
    for (let x = RIM; x < first.width - RIM; x += 2) {
      const seen = lookUp(second, placing, x, y)
      if (seen < 0) continue
      ours += first.data[y * first.width + x]!
      theirs += seen
    }
  return theirs > 0 ? ours / theirs : 1
}

/** The second picture's brightness where the first's point lies on it, between its pixels; −1 outside of it. */
function lookUp({ data, width, height }: Luma, { grow, turn, right, down }: Placing, x: number, y: number): number {
  const u = x - width / 2
  const v = y - height / 2
  const atX = x + grow * u - turn * v + right
  const atY = y + turn * u + grow * v + down
  if (!(atX >= 0 && atY >= 0 && atX < width - 1 && atY < height - 1)) return -1
  const left = Math.floor(atX)
  const top = Math.floor(atY)
  const i = top * width + left
  const shareX = atX - left
  const upper = data[i]! + (data[i + 1]! - data[i]!) * shareX
  const lower = data[i + width]! + (data[i + width + 1]! - data[i + width]!) * shareX
  return upper + (lower - upper) * (atY - top)
}

function add(picture: Luma, placing: Placing, sum: Float32Array, count: Uint8Array): void {
  const { width, height } = picture
  for (let y = 0, i = 0; y < height; y += 1)
    for (let x = 0; x < width; x += 1, i += 1) {
      const seen = lookUp(picture, placing, x, y)
      if (seen < 0) continue
      sum[i]! += seen
      count[i]! += 1
    }
}

/** Solve four equations by elimination; null where they do not determine anything. */
function solved(rows: Float64Array[]): [number, number, number, number] | null {
  for (let i = 0; i < 4; i += 1) {
    let best = i
    for (let j = i + 1; j < 4; j += 1) if (Math.abs(rows[j]![i]!) > Math.abs(rows[best]![i]!)) best = j
    const pivot = rows[best]!
    rows[best] = rows[i]!
    rows[i] = pivot
    if (Math.abs(pivot[i]!) < 1e-9) return null
    for (let j = 0; j < 4; j += 1) {
      if (j === i) continue
      const line = rows[j]!
      const share = line[i]! / pivot[i]!
      for (let k = i; k < 5; k += 1) line[k]! -= share * pivot[k]!
    }
  }
  return rows.map((line, i) => line[4]! / line[i]!) as [number, number, number, number]
}
