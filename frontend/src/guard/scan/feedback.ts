let audio: AudioContext | null = null

/** Browsers keep a page silent until the first touch, and log a complaint at every try before it. */
function touched(): boolean {
  return navigator.userActivation?.hasBeenActive !== false
}

/** Make the sound ready. */
export function readySound(): void {
  const Context = window.AudioContext as typeof AudioContext | undefined
  if (!Context || !touched()) return
  audio ??= new Context()
  if (audio.state === 'suspended') audio.resume().catch(() => undefined)
}

/** A short high beep and one buzz: taken. */
export function good(): void {
  beep(1760, 0, 0.09)
  buzz(60)
}

/** Two low beeps and two buzzes: read, but of no use. */
export function bad(): void {
  beep(330, 0, 0.1)
  beep(330, 0.15, 0.1)
  buzz([40, 60, 40])
}

function beep(hertz: number, after: number, seconds: number): void {
  if (audio?.state !== 'running') return
  const start = audio.currentTime + after
  const tone = audio.createOscillator()
  const loudness = audio.createGain()
  tone.frequency.value = hertz
  tone.connect(loudness).connect(audio.destination)
  // A straight cut clicks; a ramp of a few milliseconds does not.
  loudness.gain.setValueAtTime(0, start)
  loudness.gain.linearRampToValueAtTime(0.25, start + 0.008)
  loudness.gain.setValueAtTime(0.25, start + seconds - 0.012)
  loudness.gain.linearRampToValueAtTime(0, start + seconds)
  tone.start(start)
  tone.stop(start + seconds)
}

function buzz(pattern: number | number[]): void {
  // iPhones have no such thing.
  if (touched()) navigator.vibrate?.(pattern)
}
