/** Which screen is open, kept in the browser's history so that the phone's back key does what people expect. */
export type Screen = 'home' | 'scan' | 'waiting'

/** Home lies at the bottom; at most one other screen lies on it, so that back always means home. */
export class Navigation {
  #screen: Screen = $state('home')

  get screen(): Screen {
    return this.#screen
  }

  /** `takesBack` is asked first when the back key is pressed: true means something on the screen used it up. */
  constructor(takesBack: () => boolean) {
    const kept = history.state as { screen?: Screen } | null
    this.#screen = kept?.screen ?? 'home'
    history.replaceState({ screen: this.#screen }, '', '/')
    addEventListener('popstate', (event) => {
      if (takesBack()) {
        history.pushState({ screen: this.#screen }, '', '/')
        return
      }
      this.#screen = (event.state as { screen?: Screen } | null)?.screen ?? 'home'
    })
  }

  open(screen: Exclude<Screen, 'home'>): void {
    if (this.#screen === screen) return
    if (this.#screen === 'home') history.pushState({ screen }, '', '/')
    else history.replaceState({ screen }, '', '/')
    this.#screen = screen
  }

  home(): void {
    if (this.#screen !== 'home') history.back()
  }
}
