type Parts = typeof import('./parts')

/**
 * Screens fetched right behind the first paint, not when they are opened: after an update in another tab the old file
 * is gone from the server, and offline there is only what the service worker keeps. Scanning and saving never wait for
 * them.
 */
export class Later {
  parts: Parts | null = $state.raw(null)
  failed = $state(false)

  constructor(private readonly load: () => Promise<Parts> = () => import('./parts')) {}

  async fetch(): Promise<void> {
    this.failed = false
    try {
      this.parts = await this.load()
    } catch {
      this.failed = true
    }
  }
}
