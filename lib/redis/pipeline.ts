import { type Call, codeOf, NoAnswer } from './call.ts'
import type { Command, SolidisLike } from './client.ts'
import { type TimeLimit, Wait } from './deadline.ts'

/** With so many commands, a batch is sent before the turn of the event loop is over. */
const MAX_COMMANDS = 64
/** In one turn of the event loop, this part of the calls on their way is told of its answers, */
const TOLD_PART = 1 / 5
/** but no fewer than so many: a turn has its price, too. */
const TOLD_AT_LEAST = 4

/**
 * Sends the commands of all calls of one turn of the event loop in batches, each a pipeline with one
 * promise, and tells only a part of the calls a turn of their answers. While this process works on
 * these, Redis works on what the ones before led to: all at once, each of the two would wait for the
 * other.
 */
export class Pipeline {
  readonly #client: SolidisLike
  readonly #limit: TimeLimit
  /** How many commands fill a batch. */
  #capacity: number
  /** The part of the calls on their way that is told in one turn. */
  readonly #part: number
  /** What is to be sent at the end of this turn. */
  #open: Batch | undefined
  /** Those that are answered, or failed, but not all told of. */
  readonly #settled: Batch[] = []
  /** How many calls were sent, but not told of their answers. */
  #onTheirWay = 0

  /** @param limit how long an answer may take */
  constructor(client: SolidisLike, limit: TimeLimit) {
    this.#client = client
    this.#limit = limit
    const isWrapped = client.pipelines === false
    // Such a client takes one command at a time anyway, and tracing sees whose request it is for.
    this.#capacity = isWrapped ? 1 : MAX_COMMANDS
    // With it this process is the slower side at all times, and Redis has answered long since.
    this.#part = isWrapped ? 1 : TOLD_PART
  }

  send(call: Call): void {
    this.#onTheirWay++
    this.#add(call)
  }

  #add(call: Call): void {
    const batch = this.#open ?? this.#begin()
    batch.add(call)
    if (batch.commands.length >= this.#capacity) this.#flush()
  }

  #begin(): Batch {
    const batch = new Batch(this.#limit.milliseconds, this.#settle)
    this.#limit.start(batch)
    this.#open = batch
    if (this.#capacity > 1) process.nextTick(this.#flush)
    return batch
  }

  readonly #flush = (): void => {
    const batch = this.#open
    if (batch === undefined) return
    this.#open = undefined
    let answer: Promise<unknown[][]>
    try {
      answer = Promise.resolve(this.#client.send(batch.commands))
    } catch (error) {
      answer = Promise.reject(error)
    }
    answer.then(
      (replies) => {
        if (!this.#limit.end(batch)) return
        batch.answer(replies)
        this.#settle(batch)
      },
      (error) => {
        if (!this.#limit.end(batch)) return
        if (batch.calls.length > 1 && isErrorReply(error)) this.#sendAlone(batch.calls)
        else {
          batch.reason = error
          this.#settle(batch)
        }
      },
    )
  }

  /** For a client that rejects all that it was given if Redis refuses one of the commands. */
  #sendAlone(calls: Call[]): void {
    this.#capacity = 1
    for (const call of calls) this.#add(call)
  }

  readonly #settle = (batch: Batch): void => {
    if (this.#settled.push(batch) === 1) process.nextTick(this.#tell)
  }

  readonly #tell = (): void => {
    const settled = this.#settled
    try {
      const count = Math.max(this.#onTheirWay * this.#part, TOLD_AT_LEAST)
      for (let told = 0; told < count && settled.length > 0; told++) {
        const [batch] = settled as [Batch]
        if (batch.isLast) settled.shift()
        this.#onTheirWay--
        batch.tellNext()
      }
    } finally {
      // Also when a callback has thrown, which is no matter of the other callers.
      if (settled.length > 0) setImmediate(this.#tell)
    }
  }
}

/** Calls that travel together. */
class Batch extends Wait {
  readonly calls: Call[] = []
  readonly commands: Command[] = []
  /** Why there are no replies. */
  reason: unknown
  readonly #milliseconds: number
  readonly #settle: (batch: Batch) => void
  #replies: unknown[][] | undefined
  /** How many calls have been told, and of how many replies. */
  #told = 0
  #given = 0

  constructor(milliseconds: number, settle: (batch: Batch) => void) {
    super()
    this.#milliseconds = milliseconds
    this.#settle = settle
  }

  add(call: Call): void {
    this.calls.push(call)
    for (const command of call.commands) this.commands.push(command)
  }

  answer(replies: unknown[][]): void {
    if (replies?.length === this.commands.length) this.#replies = replies
    else this.reason = 'the client did not give one reply a command'
  }

  override expire(): void {
    this.reason = new NoAnswer(this.#milliseconds)
    this.#settle(this)
  }

  /** Whether there is but one call left to tell. */
  get isLast(): boolean {
    return this.#told === this.calls.length - 1
  }

  tellNext(): void {
    const call = this.calls[this.#told++] as Call
    const start = this.#given
    this.#given += call.commands.length
    if (this.#replies === undefined) call.fail(this.reason)
    else call.answer(this.#replies, start)
  }
}

function isErrorReply(error: unknown): boolean {
  return error instanceof Error && codeOf(error.message) !== undefined
}
