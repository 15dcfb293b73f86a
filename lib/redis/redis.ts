import type { Callback } from '../callback.ts'
import { RedisError } from '../errors.ts'
import { startCall } from './call.ts'
import type { Command, Reply, SolidisLike } from './client.ts'
import { Clock } from './clock.ts'
import type { Script } from './commands.ts'
import { Pipeline } from './pipeline.ts'
import { nameOf, type Outcome, outcomeOf, undelivered } from './replies.ts'

/** Later than any clock says. */
const MAX_TIME = Number.MAX_SAFE_INTEGER

/**
 * The one door to Redis: behind it nobody sees the client or its replies. What it is given to call
 * back is called once, later, and in the async context of the caller. How long that takes is for
 * `Call` to bound.
 */
export class Redis {
  readonly #client: SolidisLike
  readonly #pipeline: Pipeline
  readonly #clock = new Clock()

  constructor(client: SolidisLike) {
    this.#client = client
    this.#pipeline = new Pipeline(client)
  }

  /**
   * Sends a command, and gives its reply.
   * @param name of what fails, if it does
   */
  send(command: Command, done: Callback<Reply>, name = nameOf(command)): void {
    this.#pipeline.send([command], (failure, replies) => {
      if (failure !== undefined) return done(undelivered(name, failure))
      const outcome = outcomeOf(name, replies[0])
      if (outcome instanceof RedisError) done(outcome)
      else done(null, outcome)
    })
  }

  /** Sends commands in one round trip, and gives what became of each. */
  sendAll(commands: Command[], done: Callback<Outcome[]>): void {
    const [first = []] = commands
    this.#pipeline.send(commands, (failure, replies) => {
      if (failure !== undefined) return done(undelivered(nameOf(first), failure))
      const outcomes = commands.map((command, i) => outcomeOf(nameOf(command), replies[i]))
      done(null, outcomes)
    })
  }

  /** Runs a script over one key, by its digest where the server knows it already. */
  run(script: Script, key: string, args: Command, done: Callback<Reply>): void {
    const { name, sha1, source } = script
    const knownDone: Callback<Reply> = (error, reply) => {
      if ((error as RedisError | null)?.code !== 'NOSCRIPT') done(error, reply)
      else this.send(['EVAL', source, '1', key, ...args], done, name)
    }
    this.send(['EVALSHA', sha1, '1', key, ...args], knownDone, name)
  }

  /**
   * Runs a script that does nothing once its deadline is over by the clock of Redis. If Redis finds it
   * over, though it is not, what was known of that clock was wrong, and is learned from the reply.
   * @param deadline by the clock of `performance.now()`; `Infinity`: none
   */
  runInTime(
    script: Script,
    key: string,
    args: Command,
    deadline: number,
    done: Callback<Reply>,
  ): void {
    const before = Number.isFinite(deadline) ? this.#clock.timeOf(deadline) : MAX_TIME
    this.run(script, key, [String(before), ...args], (error, reply) => {
      // Text is what a key holds.
      if (error !== null || typeof reply !== 'number') return done(error, reply)
      if (reply > 0) this.#clock.learn(reply)
      if (reply >= 0) return done(null, reply)
      this.#clock.relearn(-reply)
      if (performance.now() < deadline) this.runInTime(script, key, args, deadline, done)
      else done(new RedisError(script.name, 'it arrived too late', { code: 'ETIMEDOUT' }))
    })
  }

  /** The same as `sendAll`, as a promise that takes no longer than `timeout` milliseconds. */
  ask(commands: Command[], timeout: number): Promise<Outcome[]> {
    const [first] = commands
    return startCall<Outcome[]>(nameOf(first), timeout, [], (call) => {
      this.sendAll(commands, (error, outcomes) => call.settle(error, outcomes))
    }) as Promise<Outcome[]>
  }

  /** A door to each server that has keys of its own for SCAN to visit. */
  async nodes(): Promise<Redis[]> {
    if (this.#client.nodes === undefined) return [this]
    return (await this.#client.nodes()).map((node) => new Redis(node))
  }
}
