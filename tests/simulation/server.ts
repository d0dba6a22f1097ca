/** The real server, in the Python process that started this one; each call waits for its answer, outside virtual time. */
import { readSync, writeSync } from 'node:fs'

/** One committed line as the server's disk has it. */
export interface Row {
  readonly school: string
  readonly stream: string
  readonly n: number
  readonly id: string | null
  readonly hash: string
  readonly line: string
}

export interface Reply {
  /** The process died before it could answer. */
  readonly crashed: boolean
  readonly status: number
  readonly retry: string | null
  readonly text: string
}

export interface Replies extends Reply {
  /** Lines that came to the server's disk meanwhile. */
  readonly rows: readonly Row[]
  /** The answer to a second request that was inside the server at the same time. */
  readonly meanwhile: Reply | null
}

export interface Receipt {
  readonly stream: string
  readonly ack: number
  readonly ack_hash: string
  readonly durable: number
  readonly generation: string
  readonly server_time: string
  readonly signature: string
}

export interface School {
  readonly id: string
  readonly people: readonly string[]
  readonly places: readonly string[]
  readonly tags: readonly string[]
  readonly route: string
}

export interface Findings {
  /** What is wrong on the server by itself: chains, numbers, ids, the log, projections. */
  readonly wrong: readonly string[]
  readonly streams: readonly { school: string; stream: string; next: number; head: number }[]
  readonly quarantine: readonly { school: string; stream: string; n: number; code: string; line: string }[]
  readonly photos: readonly { school: string; sha256: string; size: number }[]
}

export class Server {
  private rest = Buffer.alloc(0)

  constructor(
    private readonly input: number,
    private readonly output: number,
  ) {}

  call<T>(message: object): T {
    const bytes = Buffer.from(`${JSON.stringify(message)}\n`)
    for (let at = 0; at < bytes.length; ) at += writeSync(this.output, bytes, at)
    const answer = JSON.parse(this.line()) as { error?: string }
    if (answer.error !== undefined) throw new Error(`the server's process: ${answer.error}`)
    return answer as T
  }

  private line(): string {
    for (;;) {
      const end = this.rest.indexOf(10)
      if (end >= 0) {
        const line = this.rest.subarray(0, end).toString()
        this.rest = this.rest.subarray(end + 1)
        return line
      }
      const chunk = Buffer.alloc(65_536)
      const size = readSync(this.input, chunk)
      if (size === 0) throw new Error("the server's process is gone")
      this.rest = Buffer.concat([this.rest, chunk.subarray(0, size)])
    }
  }
}
