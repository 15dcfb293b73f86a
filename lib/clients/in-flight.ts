import type { ClientError, Command } from '../redis/client.ts'

/** A member of a ring. */
class Link {
  older: Link = this
  newer: Link = this
}

/** What was asked of a client, and whom to tell. */
export class Call extends Link {
  readonly commands: Command[]
  /** When its caller gives up, by `performance.now()`. */
  readonly deadline: number
  readonly resolve: (replies: unknown[][]) => void
  readonly reject: (error: ClientError) => void

  constructor(
    commands: Command[],
    deadline: number,
    resolve: (replies: unknown[][]) => void,
    reject: (error: ClientError) => void,
  ) {
    super()
    this.commands = commands
    this.deadline = deadline
    this.resolve = resolve
    this.reject = reject
  }
}

/**
 * The calls that are to be told something, from the oldest to the newest. They form a ring: with a
 * Set, every call would cost a quarter more.
 */
export class Calls {
  readonly #ends = new Link()

  add(call: Call): void {
    const newest = this.#ends.older
    call.older = newest
    call.newer = this.#ends
    newest.newer = call
    this.#ends.older = call
  }

  /** Whether it is among these calls, which are the only ones that it is ever among. */
  has(call: Call): boolean {
    return call.newer !== call
  }

  delete(call: Call): void {
    call.older.newer = call.newer
    call.newer.older = call.older
    call.older = call
    call.newer = call
  }

  /** Gives them all, and has none of them any more. */
  takeAll(): Call[] {
    const calls: Call[] = []
    while (this.#ends.newer !== this.#ends) {
      const oldest = this.#ends.newer as Call
      this.delete(oldest)
      calls.push(oldest)
    }
    return calls
  }
}
