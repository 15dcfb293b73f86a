import { AsyncResource } from 'node:async_hooks'
import type { Command, SolidisLike } from './client.ts'
import { isErrorReply } from './replies.ts'

/**
 * Is called once, later, and in the async context of its caller.
 * @param failure why the client could not deliver; `undefined` where it did
 * @param replies one array a command, as the client gave them
 */
export type Answered = (failure: unknown, replies: unknown[][]) => void

interface Member {
  readonly commands: Command[]
  readonly answered: Answered
  /** That of the caller, who is answered in that of another. */
  readonly context: AsyncResource
}

/** So many commands make a batch. */
const MAX_COMMANDS = 64

/**
 * Sends what is asked for in one tick together, where the client makes a pipeline of it: at 128 calls
 * at once that is a tenth to a quarter faster (see docs/performance.md). What comes first does not wait
 * for that: on a server, hardly ever does another come in its tick.
 */
export class Pipeline {
  readonly #client: SolidisLike
  #batch: Member[] = []
  #count = 0
  /** Whether something was sent in this tick already. */
  #isBusy = false

  constructor(client: SolidisLike) {
    this.#client = client
  }

  /** Whether what is sent now goes with others, among which a command more costs hardly more. */
  get isShared(): boolean {
    return this.#isBusy
  }

  send(commands: Command[], answered: Answered): void {
    if (this.#client.pipelines === false) {
      deliver(this.#client, commands, answered)
    } else if (this.#isBusy) {
      this.#batch.push({ commands, answered, context: new AsyncResource('SolidisStore') })
      this.#count += commands.length
      if (this.#count >= MAX_COMMANDS) this.#flush()
    } else {
      this.#isBusy = true
      process.nextTick(this.#endTick)
      deliver(this.#client, commands, answered)
    }
  }

  readonly #endTick = (): void => {
    this.#isBusy = false
    if (this.#count > 0) this.#flush()
  }

  #flush(): void {
    const batch = this.#batch
    const [first] = batch as [Member]
    this.#batch = []
    this.#count = 0
    first.context.runInAsyncScope(deliverTogether, undefined, this.#client, batch)
  }
}

function deliverTogether(client: SolidisLike, batch: Member[]): void {
  const all = batch.flatMap(({ commands }) => commands)
  deliver(client, all, (failure, replies) => {
    let start = 0
    for (const { commands, answered, context } of batch) {
      const own = replies.slice(start, start + commands.length)
      context.runInAsyncScope(answered, undefined, failure, own)
      start += commands.length
    }
  })
}

function deliver(client: SolidisLike, commands: Command[], answered: Answered): void {
  sendTo(client, commands).then(
    (replies) => {
      if (replies?.length === commands.length) answered(undefined, replies)
      else answered(new Error('the client did not give one reply a command'), [])
    },
    (error) => {
      if (commands.length === 1 || !isErrorReply(error)) answered(failureOf(error), [])
      else sendAlone(client, commands, answered)
    },
  )
}

/** For a client that rejects all that it was given if Redis refuses one command. */
function sendAlone(client: SolidisLike, commands: Command[], answered: Answered): void {
  const replies = commands.map((command) =>
    sendTo(client, [command]).then(
      ([reply]) => reply as unknown[],
      (error) => [error],
    ),
  )
  Promise.all(replies).then((all) => answered(undefined, all))
}

function sendTo(client: SolidisLike, commands: Command[]): Promise<unknown[][]> {
  try {
    return Promise.resolve(client.send(commands))
  } catch (error) {
    return Promise.reject(error)
  }
}

function failureOf(error: unknown): unknown {
  return error ?? new Error('the client gave no reason')
}
