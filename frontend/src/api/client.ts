import createClient, { type Middleware } from 'openapi-fetch'
import type { paths } from './schema'

/** What the server (or the way to it) said no with: a code of the problem catalogue, its status and field errors. */
export class ApiProblem extends Error {
  constructor(
    readonly code: string,
    readonly status: number,
    readonly detail: string | null = null,
    readonly errors: Readonly<Record<string, unknown>> | null = null,
    readonly retryAfter: number | null = null,
  ) {
    super(code)
    this.name = 'ApiProblem'
  }
}

/** Read a failed answer as a problem; anything that is not our problem+json came from something in between. */
export async function problemOf(response: Response): Promise<ApiProblem> {
  const wait = Number(response.headers.get('Retry-After'))
  const retryAfter = Number.isFinite(wait) && wait > 0 ? wait : null
  if (!response.headers.get('Content-Type')?.startsWith('application/problem+json')) {
    const code = response.status >= 500 ? 'server_error' : 'not_our_server'
    return new ApiProblem(code, response.status, null, null, retryAfter)
  }
  const body = (await response.json()) as { code?: string; detail?: string; errors?: Record<string, unknown> }
  return new ApiProblem(body.code ?? 'unknown', response.status, body.detail ?? null, body.errors ?? null, retryAfter)
}

const raiseProblems: Middleware = {
  async onResponse({ response }) {
    if (!response.ok) throw await problemOf(response)
  },
  onError() {
    return new ApiProblem('offline', 0)
  },
}

/**
 * The API, typed by the OpenAPI document (`npm run types`). Each call gives `{ data }` or throws an ApiProblem:
 * `const { data } = await api.GET('/api/v1/people', { params: { query: { role: 'guard' } } })`.
 */
export const api = createClient<paths>({ baseUrl: '/', credentials: 'same-origin' })
api.use(raiseProblems)
