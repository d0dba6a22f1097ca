import { type Change, changed, readQuery, type Shape, type Values, writeQuery } from './query'

/** Where the browser is. Screens read it, and change it through `go`; back and forward work by themselves. */
class Address {
  path = $state(location.pathname)
  search = $state(location.search)

  constructor() {
    window.addEventListener('popstate', () => this.#read())
  }

  go(to: string, how: { replace?: boolean } = {}): void {
    if (how.replace) history.replaceState(null, '', to)
    else history.pushState(null, '', to)
    this.#read()
  }

  #read(): void {
    this.path = location.pathname
    this.search = location.search
  }
}

export const address = new Address()

/** One screen's filters, read from and written to the address bar. */
export class Filters<S extends Shape> {
  constructor(readonly shape: S) {}

  readonly now: Values<S> = $derived.by(() => readQuery(address.search, this.shape))

  /** True when a filter of the list differs, not only its order, its page or what is open over it. */
  readonly narrowed: boolean = $derived.by(() => {
    const plain = readQuery('', this.shape)
    return Object.keys(this.shape).some(
      (name) => !['sort', 'page', 'open', 'night', 'print', 'enrol'].includes(name) && this.now[name] !== plain[name],
    )
  })

  href(change: Change<S>): string {
    return address.path + writeQuery(changed(this.now, change), this.shape)
  }

  set(change: Change<S>, how: { replace?: boolean } = {}): void {
    address.go(this.href(change), how)
  }

  /** Everything back to the default but what is named. */
  clear(keep: Change<S> = {}): void {
    address.go(address.path + writeQuery(keep, this.shape))
  }
}

/** Follow links to other desk screens without loading the page anew; everything else is left to the browser. */
export function followLinks(root: HTMLElement): () => void {
  function follow(event: MouseEvent): void {
    if (event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return
    const link = (event.target as Element).closest('a')
    if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin) return
    if (!/^\/desk(\/|$)/.test(link.pathname)) return
    event.preventDefault()
    address.go(link.pathname + link.search)
  }
  root.addEventListener('click', follow)
  return () => root.removeEventListener('click', follow)
}
