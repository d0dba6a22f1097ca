/** A square of the camera's picture, in its own pixels. */
export interface Crop {
  readonly x: number
  readonly y: number
  readonly side: number
}

interface Size {
  readonly width: number
  readonly height: number
}

interface Box extends Size {
  readonly x: number
  readonly y: number
}

/** A square this share of the short side reads as much as the whole frame does, in half the time. */
const SHARE = 0.8
/** A tag held a little outside the guide square is still meant. */
const MARGIN = 1.15
/** Longest side handed to the decoder, pixels: above this the time grows and the rate does not. */
const MOST = 960

/**
 * The part of a frame to decode: the guide square with a margin, seen through `object-fit: cover`.
 *
 * @param frame the camera's picture, pixels
 * @param view where that picture is shown, CSS pixels
 * @param guide the guide square, in the same CSS pixels
 */
export function cropOf(frame: Size, view: Box, guide: Box): Crop {
  const scale = Math.max(view.width / frame.width, view.height / frame.height)
  const short = Math.min(frame.width, frame.height)
  const side = Math.round(Math.min(short, Math.max(SHARE * short, (MARGIN * guide.width) / scale)))
  const middle = (at: number, length: number, viewAt: number, viewLength: number, frameLength: number) =>
    frameLength / 2 + (at + length / 2 - viewAt - viewLength / 2) / scale
  const x = middle(guide.x, guide.width, view.x, view.width, frame.width)
  const y = middle(guide.y, guide.height, view.y, view.height, frame.height)
  const within = (centre: number, length: number) =>
    Math.round(Math.min(length - side, Math.max(0, centre - side / 2)))
  return { x: within(x, frame.width), y: within(y, frame.height), side }
}

/** Takes pixels out of videos and pictures with one canvas that is kept. */
export class Grabber {
  readonly #canvas = document.createElement('canvas')
  readonly #context = this.#canvas.getContext('2d', { willReadFrequently: true })!

  /** The pixels of a square of the source, made smaller where that loses nothing. */
  square(source: CanvasImageSource, { x, y, side }: Crop): ImageData {
    const size = Math.min(side, MOST)
    return this.#take(size, size, () => this.#context.drawImage(source, x, y, side, side, 0, 0, size, size))
  }

  /** All of a picture, its longer side at most `most` pixels. */
  whole(source: ImageBitmap, most: number): ImageData {
    const scale = Math.min(1, most / Math.max(source.width, source.height))
    const width = Math.max(1, Math.round(source.width * scale))
    const height = Math.max(1, Math.round(source.height * scale))
    return this.#take(width, height, () => this.#context.drawImage(source, 0, 0, width, height))
  }

  #take(width: number, height: number, draw: () => void): ImageData {
    if (this.#canvas.width !== width || this.#canvas.height !== height) {
      this.#canvas.width = width
      this.#canvas.height = height
    }
    draw()
    return this.#context.getImageData(0, 0, width, height)
  }
}

/**
 * Call back for every new frame of a playing video, until the returned function is called.
 * Browsers without frame callbacks (Safari before 15.4) get the screen's pace instead.
 */
export function eachFrame(video: HTMLVideoElement, callback: () => void): () => void {
  let stopped = false
  const next =
    'requestVideoFrameCallback' in video
      ? () => video.requestVideoFrameCallback(step)
      : () => requestAnimationFrame(step)
  function step() {
    if (stopped) return
    callback()
    next()
  }
  next()
  return () => {
    stopped = true
  }
}
