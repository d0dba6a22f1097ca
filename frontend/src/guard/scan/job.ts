/** What goes to the decoding worker and what comes back. */
export type Job = { readonly width: number; readonly height: number; readonly pixels: ArrayBuffer }
export type Answer =
  | { readonly is: 'read'; readonly texts: readonly string[]; readonly ms: number }
  | { readonly is: 'failed'; readonly reason: string }
