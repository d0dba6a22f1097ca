/** What goes to the decoding worker and what comes back. */
export interface Job {
  readonly width: number
  readonly height: number
  readonly pixels: ArrayBuffer
  /** One camera frame among many, or a photo that is all there is. */
  readonly is: 'frame' | 'still'
}
export type Answer =
  | {
      readonly is: 'read'
      readonly texts: readonly string[]
      /** Whether the picture shows a code, also one that could not be read. */
      readonly seen: boolean
      /** How long the reading took, milliseconds. */
      readonly ms: number
      /** How bright the picture is, from 0 to 255. */
      readonly light: number
    }
  | { readonly is: 'failed'; readonly reason: string }
