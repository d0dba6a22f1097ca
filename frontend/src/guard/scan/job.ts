/** What goes to the decoding worker and what comes back. */
export type Job = { readonly width: number; readonly height: number; readonly pixels: ArrayBuffer }
export type Answer =
  | {
      readonly is: 'read'
      readonly texts: readonly string[]
      /** Whether the picture shows a code, also one that could not be read. */
      readonly seen: boolean
      readonly ms: number
    }
  | { readonly is: 'failed'; readonly reason: string }
