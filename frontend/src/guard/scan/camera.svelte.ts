export interface Lens {
  readonly id: string
  readonly name: string
}

export type CameraTrouble = 'none' | 'refused' | 'busy' | 'insecure'

export type CameraState =
  | { readonly is: 'off' }
  | { readonly is: 'starting' }
  | { readonly is: 'live'; readonly lenses: readonly Lens[]; readonly lens: string; readonly torch: boolean | null }
  | { readonly is: 'failed'; readonly why: CameraTrouble }

/** Where the lens that the guard chose is kept on this phone. */
const REMEMBERED = 'scan.lens'

/** Not yet in the DOM's types. */
type TorchCapabilities = MediaTrackCapabilities & { torch?: boolean; focusMode?: string[] }

/** The live camera behind a video element. `torch` is null where the lens has none. */
export class Camera {
  state = $state.raw<CameraState>({ is: 'off' })
  #stream: MediaStream | null = null
  #torch = false
  /** Each opening or closing makes the ones before it void, whatever they are still waiting for. */
  #turn = 0

  /** Show the back camera, or the lens chosen last time, in the video. Ends live or failed; never throws. */
  async open(video: HTMLVideoElement): Promise<void> {
    const turn = this.#begin()
    if (!window.isSecureContext) {
      this.state = { is: 'failed', why: 'insecure' }
      return
    }
    if (!navigator.mediaDevices?.getUserMedia) {
      this.state = { is: 'failed', why: 'none' }
      return
    }
    this.state = { is: 'starting' }
    try {
      const stream = await this.#request()
      if (turn !== this.#turn) {
        release(stream)
        return
      }
      this.#stream = stream
      const track = stream.getVideoTracks()[0]!
      // Another app may take the camera at any time.
      track.addEventListener('ended', () => this.#fail(turn, 'busy'))
      video.srcObject = stream
      await video.play()
      await keepFocusing(track)
      const lenses = await backLenses()
      if (turn !== this.#turn) return
      const torch = hasTorch(track) ? await this.#setTorch(track, this.#torch) : null
      this.state = { is: 'live', lenses, lens: track.getSettings().deviceId ?? '', torch }
    } catch (error) {
      this.#fail(turn, troubleOf(error))
    }
  }

  /** Let the camera go. The torch goes out with it, and comes back with the next opening. */
  close(): void {
    this.#begin()
    this.state = { is: 'off' }
  }

  /** Change to the next back camera and remember it. */
  async nextLens(video: HTMLVideoElement): Promise<void> {
    if (this.state.is !== 'live') return
    const { lenses, lens } = this.state
    const next = lenses[(lenses.findIndex(({ id }) => id === lens) + 1) % lenses.length]
    if (!next) return
    remember(next.id)
    await this.open(video)
  }

  async toggleTorch(): Promise<void> {
    const track = this.#stream?.getVideoTracks()[0]
    if (!track || this.state.is !== 'live' || this.state.torch === null) return
    this.#torch = !this.state.torch
    const torch = await this.#setTorch(track, this.#torch)
    if (this.state.is === 'live') this.state = { ...this.state, torch }
  }

  async #request(): Promise<MediaStream> {
    const size = { width: { ideal: 1280 }, height: { ideal: 720 } }
    const chosen = remembered()
    if (chosen) {
      try {
        return await navigator.mediaDevices.getUserMedia({ video: { ...size, deviceId: { exact: chosen } } })
      } catch (error) {
        // The lens is gone (another browser profile, a camera unplugged): fall back to any back camera.
        if (troubleOf(error) !== 'none') throw error
      }
    }
    return navigator.mediaDevices.getUserMedia({ video: { ...size, facingMode: { ideal: 'environment' } } })
  }

  async #setTorch(track: MediaStreamTrack, on: boolean): Promise<boolean> {
    try {
      await track.applyConstraints({ advanced: [{ torch: on } as MediaTrackConstraintSet] })
      return on
    } catch {
      return false
    }
  }

  #begin(): number {
    if (this.#stream) release(this.#stream)
    this.#stream = null
    this.#turn += 1
    return this.#turn
  }

  #fail(turn: number, why: CameraTrouble): void {
    if (turn !== this.#turn) return
    this.#begin()
    this.state = { is: 'failed', why }
  }
}

function release(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop()
}

function troubleOf(error: unknown): CameraTrouble {
  const name = error instanceof Error || error instanceof DOMException ? error.name : ''
  if (name === 'NotAllowedError' || name === 'SecurityError') return 'refused'
  if (name === 'NotFoundError' || name === 'OverconstrainedError') return 'none'
  return 'busy'
}

function hasTorch(track: MediaStreamTrack): boolean {
  return (track.getCapabilities?.() as TorchCapabilities | undefined)?.torch === true
}

async function keepFocusing(track: MediaStreamTrack): Promise<void> {
  const modes = (track.getCapabilities?.() as TorchCapabilities | undefined)?.focusMode
  if (!modes?.includes('continuous')) return
  try {
    await track.applyConstraints({ advanced: [{ focusMode: 'continuous' } as MediaTrackConstraintSet] })
  } catch {
    // The camera focuses in its own way, then.
  }
}

async function backLenses(): Promise<Lens[]> {
  const cameras = (await navigator.mediaDevices.enumerateDevices())
    .filter(({ kind }) => kind === 'videoinput')
    .map(({ deviceId, label }) => ({ id: deviceId, name: label }))
  const back = cameras.filter(({ name }) => /back|rear|environment|后/i.test(name))
  return back.length > 0 ? back : cameras
}

function remembered(): string | null {
  try {
    return localStorage.getItem(REMEMBERED)
  } catch {
    return null
  }
}

function remember(lens: string): void {
  try {
    localStorage.setItem(REMEMBERED, lens)
  } catch {
    // Storage may be forbidden; the choice holds until the page is closed.
  }
}
