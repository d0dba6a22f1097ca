/** The browser's offer to install the page, and what to say where there is none (Safari on a phone). */
interface InstallPrompt extends Event {
  prompt(): Promise<void>
}

export class Install {
  #offer: InstallPrompt | null = $state.raw(null)
  readonly installed = matchMedia('(display-mode: standalone)').matches
  readonly byHand = /iPhone|iPad/.test(navigator.userAgent) && !this.installed

  constructor() {
    addEventListener('beforeinstallprompt', (event) => {
      event.preventDefault()
      this.#offer = event as InstallPrompt
    })
    addEventListener('appinstalled', () => (this.#offer = null))
  }

  get offered(): boolean {
    return this.#offer !== null
  }

  async ask(): Promise<void> {
    const offer = this.#offer
    this.#offer = null
    await offer?.prompt()
  }
}
