import { AsyncResource } from 'node:async_hooks'
import { RedisError } from '../errors.ts'
import type { Command, Reply } from './client.ts'

/** What became of a command. */
export type Outcome = Reply | RedisError

/**
 * Is called once, later, and in the async context of its caller.
 * @param error why the client could not deliver, or the first of the error replies
 * @param outcomes one a command; none where the client could not deliver
 */
export type Answered = (error: RedisError | null, outcomes: Outcome[]) => void

/** There was no answer in time. */
export class NoAnswer extends Error {
  constructor(milliseconds: number) {
    super(`no answer within ${milliseconds} ms`)
  }
}

/**
 * Commands of one caller, and whom to tell what became of them. Calls that travel together are
 * answered by one promise, so each keeps its own async context (that of its request, say).
 */
export class Call extends AsyncResource {
  readonly commands: Command[]
  readonly #done: Answered

  constructor(commands: Command[], done: Answered) {
    super('SolidisStore')
    this.commands = commands
    this.#done = done
  }

  /** @param replies of many calls, of which those to this one begin at `start` */
  answer(replies: unknown[][], start: number): void {
    let error: RedisError | null = null
    const outcomes: Outcome[] = []
    for (let i = 0; i < this.commands.length; i++) {
      const outcome = decode(this.commands[i], replies[start + i]?.[0])
      if (outcome instanceof RedisError) error ??= outcome
      outcomes.push(outcome)
    }
    this.runInAsyncScope(this.#done, undefined, error, outcomes)
  }

  /** @param reason why the client could not deliver */
  fail(reason: unknown): void {
    this.runInAsyncScope(this.#done, undefined, failure(this.commands[0], reason), [])
  }
}

function decode(command: Command | undefined, reply: unknown): Outcome {
  if (reply instanceof Error) return failure(command, reply)
  return typeof reply === 'bigint' ? Number(reply) : (reply as Reply)
}

function failure(command: Command | undefined, error: unknown): RedisError {
  const name = String(command?.[0])
  if (error instanceof NoAnswer) return new RedisError(name, error.message, { code: 'ETIMEDOUT' })
  const message = error instanceof Error ? error.message : String(error)
  // Redis repeats the arguments of a command that it does not know, a session id among them.
  const reason = message.replace(/,? with args beginning with: .*/s, '')
  return new RedisError(name, reason, { code: codeOf(message), cause: error })
}

/** The code with which an error reply begins. */
export function codeOf(message: string): string | undefined {
  return /^[A-Z]+(?= )/.exec(message)?.[0]
}
