import { createHash } from 'node:crypto'
import { RedisError } from './errors.ts'
import type { TimeLimit } from './time-limit.ts'

/** A command and its arguments, e.g. `['GET', 'sess:1']`. */
export type Command = (string | Buffer)[]

/**
 * All that the store needs of a client. A Solidis client has it as it is; `fromNodeRedis` and
 * `fromIoredis` give it to the others.
 */
export interface SolidisLike {
  /**
   * Sends commands in one pipeline and resolves to one array a command, with its reply in it. An
   * error reply is an `Error` in its place; a client that cannot deliver rejects.
   */
  send(commands: Command[]): Promise<unknown[][]>
}

/** A client of several servers, each of which has keys of its own for SCAN to visit. */
export interface SolidisLikeCluster extends SolidisLike {
  scanNodes(): Promise<SolidisLike[]>
}

/** A reply as Redis gives it: bulk strings are Buffers. */
export type Reply = Buffer | string | number | null | Reply[]

/** What became of a command. */
export type Outcome = Reply | RedisError

/** A Lua script, with the digest by which Redis knows it. */
export class Script {
  readonly source: string
  readonly sha1: string

  constructor(source: string) {
    this.source = source
    this.sha1 = createHash('sha1').update(source).digest('hex')
  }
}

/**
 * The one door to Redis: sends, bounds the time, turns error replies and client failures into
 * `RedisError`s, and decodes. No other module knows the protocol.
 */
export class Redis {
  readonly #client: SolidisLike
  readonly #limit: TimeLimit

  /** @param limit how long an answer may take */
  constructor(client: SolidisLike, limit: TimeLimit) {
    this.#client = client
    this.#limit = limit
  }

  /** Sends one command. */
  call(command: Command): Promise<Reply> {
    return this.each([command]).then(first)
  }

  /** Sends commands in one pipeline, which is one round trip. */
  pipeline(commands: Command[]): Promise<Reply[]> {
    return this.each(commands).then(all)
  }

  /** Sends commands in one pipeline; an error reply stands in its place as a `RedisError`. */
  each(commands: Command[]): Promise<Outcome[]> {
    return new Promise((resolve, reject) => {
      const fail = (error: unknown) => reject(failure(commands[0], error))
      let answer: Promise<unknown[][]>
      try {
        answer = this.#client.send(commands)
      } catch (error) {
        return fail(error)
      }
      const wait = this.#limit.start(() => reject(this.#timedOut(commands[0])))
      answer.then(
        (replies) => {
          this.#limit.end(wait)
          if (replies?.length === commands.length) resolve(decode(commands, replies))
          else fail('the client did not give one reply a command')
        },
        (error) => {
          this.#limit.end(wait)
          fail(error)
        },
      )
    })
  }

  /** Runs a script over one key, by its digest where the server knows it already. */
  async eval(script: Script, key: string, args: Command): Promise<Reply> {
    try {
      return await this.call(['EVALSHA', script.sha1, '1', key, ...args])
    } catch (error) {
      if (!(error instanceof RedisError) || error.code !== 'NOSCRIPT') throw error
      return this.call(['EVAL', script.source, '1', key, ...args])
    }
  }

  /**
   * Yields the keys that match a pattern, page by page as Redis gives them: a key may come twice.
   * @param count the COUNT hint of SCAN
   */
  async *scan(pattern: string, count: number): AsyncGenerator<string[]> {
    for (const node of await this.#nodes()) {
      let cursor = '0'
      do {
        const page = await node.call(['SCAN', cursor, 'MATCH', pattern, 'COUNT', String(count)])
        const [next, keys] = page as [Reply, Reply[]]
        cursor = String(next)
        if (keys.length > 0) yield keys.map(String)
      } while (cursor !== '0')
    }
  }

  async #nodes(): Promise<Redis[]> {
    const client = this.#client as Partial<SolidisLikeCluster>
    if (typeof client.scanNodes !== 'function') return [this]
    return (await client.scanNodes()).map((node) => new Redis(node, this.#limit))
  }

  #timedOut(command: Command | undefined): RedisError {
    const reason = `no answer within ${this.#limit.milliseconds} ms`
    return new RedisError(nameOf(command), reason, { code: 'ETIMEDOUT' })
  }
}

function decode(commands: Command[], replies: unknown[][]): Outcome[] {
  return replies.map(([reply], i) => {
    if (reply instanceof Error) return failure(commands[i], reply)
    return typeof reply === 'bigint' ? Number(reply) : (reply as Reply)
  })
}

function failure(command: Command | undefined, error: unknown): RedisError {
  const message = error instanceof Error ? error.message : String(error)
  // Redis repeats the arguments of a command that it does not know, a session id among them.
  const reason = message.replace(/,? with args beginning with: .*/s, '')
  const code = /^[A-Z]+(?= )/.exec(message)?.[0]
  return new RedisError(nameOf(command), reason, { code, cause: error })
}

function nameOf(command: Command | undefined): string {
  return String(command?.[0])
}

function first([outcome]: Outcome[]): Reply {
  if (outcome instanceof RedisError) throw outcome
  return outcome as Reply
}

function all(outcomes: Outcome[]): Reply[] {
  for (const outcome of outcomes) if (outcome instanceof RedisError) throw outcome
  return outcomes as Reply[]
}
