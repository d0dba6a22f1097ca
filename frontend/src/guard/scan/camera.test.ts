import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Camera } from './camera.svelte'

class Track extends EventTarget {
  stopped = false
  readonly asked: unknown[] = []
  constructor(
    readonly lens: string,
    readonly torch: boolean,
  ) {
    super()
  }
  stop() {
    this.stopped = true
  }
  getSettings() {
    return { deviceId: this.lens }
  }
  getCapabilities() {
    return { torch: this.torch }
  }
  async applyConstraints(constraints: unknown) {
    this.asked.push(constraints)
  }
}

const tracks: Track[] = []
let torch = false
let lenses: [id: string, label: string][] = []
const getUserMedia = vi.fn(async ({ video }: { video: { deviceId?: { exact: string } } }) => {
  const wanted = video.deviceId?.exact
  if (wanted && !lenses.some(([id]) => id === wanted)) throw new DOMException('', 'OverconstrainedError')
  const track = new Track(wanted ?? lenses[0]![0], torch)
  tracks.push(track)
  return { getVideoTracks: () => [track], getTracks: () => [track] }
})
const video = { srcObject: null, play: async () => undefined } as unknown as HTMLVideoElement

beforeEach(() => {
  tracks.length = 0
  torch = false
  lenses = [['a', 'camera2 0, facing back']]
  localStorage.clear()
  getUserMedia.mockClear()
  vi.stubGlobal('isSecureContext', true)
  Object.defineProperty(navigator, 'mediaDevices', {
    configurable: true,
    value: {
      getUserMedia,
      enumerateDevices: async () => lenses.map(([deviceId, label]) => ({ kind: 'videoinput', deviceId, label })),
    },
  })
})
afterEach(() => vi.unstubAllGlobals())

test.each([
  ['NotAllowedError', 'refused'],
  ['SecurityError', 'refused'],
  ['NotFoundError', 'none'],
  ['OverconstrainedError', 'none'],
  ['NotReadableError', 'busy'],
  ['AbortError', 'busy'],
])('a camera that fails with %s is %s', async (name, why) => {
  getUserMedia.mockRejectedValueOnce(new DOMException('', name))
  const camera = new Camera()
  await camera.open(video)
  expect(camera.state).toEqual({ is: 'failed', why })
})

test('an address without https is told apart from a phone without a camera', async () => {
  const camera = new Camera()
  Object.defineProperty(navigator, 'mediaDevices', { configurable: true, value: undefined })
  await camera.open(video)
  expect(camera.state).toEqual({ is: 'failed', why: 'none' })
  vi.stubGlobal('isSecureContext', false)
  await camera.open(video)
  expect(camera.state).toEqual({ is: 'failed', why: 'insecure' })
})

test('closing lets the camera go', async () => {
  const camera = new Camera()
  await camera.open(video)
  expect(camera.state.is).toBe('live')
  camera.close()
  expect(camera.state.is).toBe('off')
  expect(tracks.map(({ stopped }) => stopped)).toEqual([true])
})

test('a camera that is granted after the screen was closed is let go at once', async () => {
  const camera = new Camera()
  const opening = camera.open(video)
  camera.close()
  await opening
  expect(camera.state.is).toBe('off')
  expect(tracks.map(({ stopped }) => stopped)).toEqual([true])
})

test('opening twice leaves one camera on', async () => {
  const camera = new Camera()
  await Promise.all([camera.open(video), camera.open(video)])
  expect(camera.state.is).toBe('live')
  expect(tracks.filter(({ stopped }) => !stopped)).toHaveLength(1)
})

test('the torch is offered only where the lens has one, and stays on over a change of lens', async () => {
  const camera = new Camera()
  await camera.open(video)
  expect(camera.state).toMatchObject({ torch: null })
  torch = true
  lenses = [...lenses, ['b', 'camera2 2, facing back']]
  await camera.open(video)
  expect(camera.state).toMatchObject({ torch: false })
  await camera.toggleTorch()
  expect(camera.state).toMatchObject({ torch: true })
  await camera.nextLens(video)
  expect(camera.state).toMatchObject({ lens: 'b', torch: true })
})

test('only back cameras are lenses to choose from, and the choice is remembered by the next screen', async () => {
  lenses = [
    ['a', 'camera2 0, facing back'],
    ['f', 'camera2 1, facing front'],
    ['b', 'camera2 2, facing back'],
  ]
  const camera = new Camera()
  await camera.open(video)
  await camera.nextLens(video)
  expect(camera.state).toMatchObject({ lens: 'b', lenses: [{ id: 'a' }, { id: 'b' }] })
  const next = new Camera()
  await next.open(video)
  expect(next.state).toMatchObject({ lens: 'b' })
})

test('a remembered lens that is gone falls back to a back camera', async () => {
  localStorage.setItem('scan.lens', 'unplugged')
  const camera = new Camera()
  await camera.open(video)
  expect(camera.state).toMatchObject({ is: 'live', lens: 'a' })
})

test('a camera taken by another app is said to be busy', async () => {
  const camera = new Camera()
  await camera.open(video)
  tracks[0]!.dispatchEvent(new Event('ended'))
  expect(camera.state).toEqual({ is: 'failed', why: 'busy' })
})
