import { createHash } from 'node:crypto'
import { promiseOf } from '../callback.ts'
import { type Answered, Call, type Outcome } from './call.ts'
import type { Command, Reply, SolidisLike } from './client.ts'
import type { TimeLimit } from './deadline.ts'
import { Pipeline } from './pipeline.ts'

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
 * The one door to Redis. Behind it, `Pipeline` sends and bounds the time, and `Call` decodes, and turns
 * error replies and client failures into `RedisError`s. Nobody else sees the client or its replies.
 */
export class Redis {
  readonly #client: SolidisLike
  readonly #limit: TimeLimit
  readonly #pipeline: Pipeline

  /** @param limit how long an answer may take */
  constructor(client: SolidisLike, limit: TimeLimit) {
    this.#client = client
    this.#limit = limit
    this.#pipeline = new Pipeline(client, limit)
  }

  /** Sends commands in one pipeline, which is one round trip. */
  send(commands: Command[], done: Answered): void {
    this.#pipeline.send(new Call(commands, done))
  }

  /** Runs a script over one key, by its digest where the server knows it already. */
  eval(script: Script, key: string, args: Command, done: Answered): void {
    this.send([['EVALSHA', script.sha1, '1', key, ...args]], (error, outcomes) => {
      if (error?.code !== 'NOSCRIPT') done(error, outcomes)
      else this.send([['EVAL', script.source, '1', key, ...args]], done)
    })
  }

  /** Sends one command; resolves to its reply. */
  async call(command: Command): Promise<Reply> {
    const [reply] = await this.pipeline([command])
    return reply as Reply
  }

  /** Sends commands in one pipeline; resolves to their replies. */
  pipeline(commands: Command[]): Promise<Reply[]> {
    return promiseOf<Outcome[]>((done) => this.send(commands, done)) as Promise<Reply[]>
  }

  /** The same, but an error reply stands in its place as a `RedisError`. */
  each(commands: Command[]): Promise<Outcome[]> {
    return promiseOf((done) => {
      this.send(commands, (error, outcomes) => done(outcomes.length > 0 ? null : error, outcomes))
    })
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
    if (this.#client.nodes === undefined) return [this]
    return (await this.#client.nodes()).map((node) => new Redis(node, this.#limit))
  }
}
