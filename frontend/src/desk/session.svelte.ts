import { ApiProblem, api } from '../api/client'
import type { Me } from './shapes'

/** Whether somebody is signed in. `expired` = was signed in until the server said otherwise. */
type State =
  | { readonly is: 'asking' }
  | { readonly is: 'out'; readonly expired: boolean }
  | { readonly is: 'in'; readonly me: Me }
  | { readonly is: 'failed'; readonly code: string }

class Session {
  state = $state.raw<State>({ is: 'asking' })

  /** Who is signed in. Only for screens, which are shown to nobody else. */
  get me(): Me {
    if (this.state.is !== 'in') throw new Error('nobody is signed in')
    return this.state.me
  }

  get zone(): string {
    return this.me.school.zone
  }

  may(permission: string): boolean {
    return this.state.is === 'in' && this.state.me.permissions.includes(permission)
  }

  /** Ask the server who this browser is. */
  async ask(): Promise<void> {
    try {
      const { data } = await api.GET('/api/v1/session')
      this.state = { is: 'in', me: data! }
    } catch (problem) {
      const code = codeOf(problem)
      this.state = code === 'signed_out' ? { is: 'out', expired: false } : { is: 'failed', code }
    }
  }

  /** Sign in. Throws ApiProblem; `not_kept` when the browser dropped the cookie (plain HTTP, Safari on localhost). */
  async signIn(account: string, password: string): Promise<void> {
    await api.POST('/api/v1/session', { body: { account, password } })
    try {
      const { data } = await api.GET('/api/v1/session')
      this.state = { is: 'in', me: data! }
    } catch (problem) {
      throw codeOf(problem) === 'signed_out' ? new ApiProblem('not_kept', 401) : problem
    }
  }

  async signOut(): Promise<void> {
    await api.DELETE('/api/v1/session')
    this.state = { is: 'out', expired: false }
  }

  /** The code of a failure; the end of the session is acted on here, once for every screen. */
  failed(problem: unknown): string {
    const code = codeOf(problem)
    if (code === 'signed_out' && this.state.is === 'in') this.state = { is: 'out', expired: true }
    return code
  }
}

/** The problem code of anything thrown by a call; a fault of our own is reported to the console and has no code. */
function codeOf(problem: unknown): string {
  if (problem instanceof ApiProblem) return problem.code
  console.error(problem)
  return 'unknown'
}

export const session = new Session()
