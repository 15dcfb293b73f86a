import { type Callback, promiseOf } from '../callback.ts'
import { RedisError } from '../errors.ts'
import { uniqueId } from '../session/tag.ts'
import type { BreakerState } from './breaker.ts'
import type { Call } from './call.ts'
import type { Command, Reply, SolidisLike } from './client.ts'
import { Clock } from './clock.ts'
import {
  COMPARE_AND_DESTROY,
  COMPARE_AND_SET,
  echo,
  GET,
  GET_MANY,
  get,
  type Key,
  NONCES,
  type Script,
  SET,
  toldBy,
} from './commands.ts'
import { Native } from './native.ts'
import { Pipeline } from './pipeline.ts'
import {
  isErrorReply,
  nameOf,
  type Outcome,
  ofRepetition,
  outcomeOf,
  undelivered,
} from './replies.ts'
import type { Server } from './server.ts'
import { type OnBreaker, Servers } from './servers.ts'

/** No more often, a client is asked to connect anew because Redis is only a replica. */
const RECONNECT_INTERVAL_MS = 1000

/** What writes give when they have written. */
export const WRITTEN = 1

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
  readonly #native = new Native()
  readonly #servers: Servers
  #connections: number | undefined
  #mayNotScript = false
  /** So many reads are unanswered whose replies are payloads alone, though the client has no pipelines. */
  #payloadReads = 0
  #takesManyKeys: boolean
  #reconnectedAt = Number.NEGATIVE_INFINITY
  /** Raised when replies that are still to come are not to be believed. */
  #epoch = 0
  #nonce = 0

  /**
   * @param onBreaker is told how the breaker changes, and why; `undefined`: there is none
   */
  constructor(client: SolidisLike, onBreaker?: OnBreaker) {
    this.#client = client
    this.#pipeline = new Pipeline(client)
    this.#servers = new Servers(client, this.#pipeline, onBreaker)
    this.#takesManyKeys = client.nodes === undefined && client.nodeOf === undefined
  }

  /** That of the breaker; of those of a cluster's nodes, the worst. */
  get state(): BreakerState {
    return this.#servers.state
  }

  /**
   * Sends a command, and gives its reply.
   * @param name of what fails, if it does
   */
  send(command: Command, done: Callback<Reply>, name = nameOf(command)): void {
    this.#deliver([command], name, (failure, replies) => {
      const outcome = failure ?? outcomeOf(name, replies[0])
      if (isFailure(outcome)) done(this.#refused(outcome))
      else done(null, outcome)
    })
  }

  /** Sends commands in one round trip, and gives what became of each. */
  sendAll(commands: Command[], done: Callback<Outcome[]>): void {
    if (this.#client.nodeOf === undefined) this.#sendTogether(commands, done)
    else this.#sendApart(commands, done)
  }

  /** Lets no node hold up, or answer for, what is for another. */
  #sendApart(commands: Command[], done: Callback<Outcome[]>): void {
    const servers = commands.map((command) => this.#servers.of(command))
    const sendings = [...new Set(servers)].map(async (server) => {
      const part = commands.filter((_, i) => servers[i] === server)
      const outcomes = await promiseOf<Outcome[]>((sent) => this.#sendTogether(part, sent))
      return [server, outcomes.values()] as const
    })
    Promise.all(sendings).then((sent) => {
      const outcomes = new Map(sent)
      const next = (server: Server) => outcomes.get(server)?.next().value as Outcome
      done(null, servers.map(next))
    }, done)
  }

  #sendTogether(commands: Command[], done: Callback<Outcome[]>): void {
    this.#deliver(commands, nameOf(commands[0]), (failure, replies) => {
      if (failure !== undefined) return done(failure)
      const outcomes = commands.map((command, i) => outcomeOf(nameOf(command), replies[i]))
      done(null, outcomes)
    })
  }

  /**
   * Gives what became of the payload and of the remaining milliseconds of a session: by one script, or
   * by two commands where others are sent with them, or the user of Redis may run no scripts.
   */
  get(key: string, done: Callback<Outcome[]>): void {
    if (this.#pipeline.isShared || this.#mayNotScript) {
      this.#getByCommands(key, done)
      return
    }
    this.runShown(GET, key, [], (error, outcomes) => {
      if (error === null) this.#tellOfSession(outcomes, done)
      else if (codeOf(error) === 'WRONGTYPE') done(null, [error as RedisError, error as RedisError])
      else if (codeOf(error) !== 'NOPERM') done(error)
      else {
        this.#mayNotScript = true
        this.#getByCommands(key, done)
      }
    })
  }

  #getByCommands(key: string, done: Callback<Outcome[]>): void {
    this.sendAll(get(key), (error, outcomes) => {
      if (error === null) this.#tellOfSession(outcomes, done)
      else done(error)
    })
  }

  #tellOfSession(outcomes: Outcome[] | undefined, done: Callback<Outcome[]>): void {
    if (isSession(outcomes)) done(null, outcomes)
    else done(this.#foreign(GET.name))
  }

  /**
   * Gives what became of the payload and of the remaining milliseconds of each session, one after the
   * other: by one script where there is one server to have all keys, which is a good deal cheaper.
   */
  getMany(keys: Key[], done: Callback<Outcome[]>): void {
    const oneByOne = () => {
      this.#payloadReads++
      this.sendAll(keys.flatMap(get), (error, outcomes) => {
        this.#payloadReads--
        done(error, outcomes)
      })
    }
    if (!this.#takesManyKeys) {
      oneByOne()
      return
    }
    this.runShown(GET_MANY, keys, [], (error, replies) => {
      if (this.#refusesManyKeys(error)) oneByOne()
      else if (error !== null) done(error)
      else done(null, (replies as Reply[]).map(outcomeOfGet))
    })
  }

  /** Removes keys: by one command where there is one server to have them all. */
  unlinkMany(keys: Key[], done: Callback<void>): void {
    const oneByOne = () => {
      const commands = keys.map((key) => ['UNLINK', key])
      this.sendAll(commands, (error, outcomes) => {
        done(error ?? outcomes?.find((outcome) => outcome instanceof RedisError) ?? null)
      })
    }
    if (!this.#takesManyKeys) {
      oneByOne()
      return
    }
    this.send(['UNLINK', ...keys], (error) => {
      if (this.#refusesManyKeys(error)) oneByOne()
      else done(error)
    })
  }

  /** A node of a cluster does, or a proxy, that was given as if it were the only server. */
  #refusesManyKeys(error: Error | null): boolean {
    const code = codeOf(error)
    if (code === 'CROSSSLOT') this.#takesManyKeys = false
    return code === 'CROSSSLOT' || code === 'NOPERM'
  }

  /**
   * Writes by COMPARE_AND_SET, or by what the server has in its place, and gives WRITTEN, or what the
   * key holds instead: `null` or text.
   */
  compareAndSet(key: string, args: Command, done: Callback<Reply>): void {
    this.#forgetOthers()
    if (this.#native.isMissing) {
      this.#compare(COMPARE_AND_SET, key, args, done)
      return
    }
    const command = this.#mayCompareNatively ? this.#native.commandFor(key, args) : undefined
    const end = this.#native.sent(key)
    const answered: Callback<Reply> = (error, reply) => {
      end()
      done(error, reply)
    }
    if (command === undefined) this.#compare(COMPARE_AND_SET, key, args, answered)
    else this.#compareNatively(command, key, args, answered)
  }

  /** Whether an ECHO shows whose the reply is, or no other reply is like it. */
  get #mayCompareNatively(): boolean {
    const { pipelines, nodeOf } = this.#client
    if (pipelines !== false) return nodeOf === undefined
    return !this.#mayNotScript && this.#payloadReads === 0
  }

  /**
   * The reply is what the key held, which does not show to which of several commands it belongs. Where
   * sessions may be read by GET, an ECHO behind it shows that no other reply is in its place; where they
   * are read by a script, whose replies are arrays, no other can be what is expected. That there is
   * nothing, or anything in doubt, is for the script to show: it finds what has been written.
   */
  #compareNatively(command: Command, key: string, args: Command, done: Callback<Reply>): void {
    const nonce = String(this.#nextNonce())
    const proof = this.#client.pipelines === false ? [] : [echo(nonce, undefined)]
    this.#sendTogether([command, ...proof], (error, outcomes = []) => {
      const [outcome, echoed = nonce] = error === null ? outcomes : [error as RedisError]
      const text = isText(outcome) ? String(outcome) : undefined
      if (outcome instanceof RedisError && !isRefusal(outcome)) {
        this.#native.learn(undefined)
        done(error ?? this.#refused(outcome))
      } else if (isRefusal(outcome) || echoed instanceof RedisError || text === 'OK') {
        this.#native.learn(false)
        this.#compare(COMPARE_AND_SET, key, args, again(done))
      } else if (String(echoed) !== nonce || (text === undefined && outcome !== null)) {
        done(this.#foreign(SET.name))
      } else {
        this.#native.learn(true)
        const [payload, , expected] = args
        if (text === undefined) this.#compare(COMPARE_AND_SET, key, args, again(done))
        else done(null, text === expected || text === payload ? WRITTEN : (outcome as Reply))
      }
    })
  }

  /** Removes what holds this payload, and gives WRITTEN, or what the key holds instead. */
  compareAndDestroy(key: string, payload: string, done: Callback<Reply>): void {
    this.#compare(COMPARE_AND_DESTROY, key, [payload], done)
  }

  #compare(script: Script, key: string, args: Command, done: Callback<Reply>): void {
    const nonce = this.#nextNonce()
    this.run(script, key, [String(nonce), ...args], (error, reply) => {
      if (error !== null || isText(reply)) done(error, reply)
      else if (reply === nonce) done(null, WRITTEN)
      else if (reply === -nonce) done(null, null)
      else done(this.#foreign(script.name))
    })
  }

  /** Runs a script whose reply shows itself to be its own by the nonce in front, and gives the rest. */
  runShown(script: Script, key: string | Key[], args: Command, done: Callback<Outcome[]>): void {
    const nonce = uniqueId()
    this.run(script, key, [nonce, ...args], (error, reply) => {
      if (error !== null) return done(error)
      const [echo, ...outcomes] = Array.isArray(reply) ? reply : []
      if (String(echo) === nonce) done(null, outcomes)
      else done(this.#foreign(script.name))
    })
  }

  /** Runs a script over its key, or keys, by its digest where the server knows it already. */
  run(script: Script, key: string | Key[], args: Command, done: Callback<Reply>): void {
    const { name, sha1, source } = script
    const command: Command = Array.isArray(key)
      ? ['EVALSHA', sha1, String(key.length), ...key, ...args]
      : ['EVALSHA', sha1, '1', key, ...args]
    this.send(
      command,
      (error, reply) => {
        if (codeOf(error) !== 'NOSCRIPT') return done(error, reply)
        this.send(['EVAL', source, ...command.slice(2)], again(done), name)
      },
      name,
    )
  }

  /**
   * Runs a script that does nothing once its deadline is over by the clock of Redis. If Redis finds it
   * over, though it is not, what was known of that clock was wrong, and is learned from the reply.
   * Gives WRITTEN, or `null` where there is no session, or what the key holds instead.
   * @param deadline by the clock of `performance.now()`; `Infinity`: none
   */
  runInTime(
    script: Script,
    key: string,
    args: Command,
    deadline: number,
    done: Callback<Reply>,
  ): void {
    this.#forgetOthers()
    const before = Number.isFinite(deadline) ? this.#clock.timeOf(deadline) : MAX_TIME
    const nonce = this.#nextNonce()
    this.run(script, key, [String(before), String(nonce), ...args], (error, reply) => {
      if (error !== null || isText(reply)) return done(error, reply)
      const told = toldBy(Number(reply))
      if (told.nonce !== nonce) return done(this.#foreign(script.name))
      if (told.time > 0) this.#clock.learn(told.time)
      if (told.time >= 0) return done(null, told.time > 0 ? WRITTEN : null)
      this.#clock.relearn(-told.time)
      if (performance.now() < deadline) this.runInTime(script, key, args, deadline, again(done))
      else done(new RedisError(script.name, 'it arrived too late', { code: 'ETIMEDOUT' }))
    })
  }

  /** How many milliseconds the clock of Redis is ahead of `Date.now()`; `undefined`: not known. */
  get aheadMs(): number | undefined {
    this.#forgetOthers()
    return this.#clock.aheadOf(Date.now())
  }

  /** What came is not what the command gives, whatever Redis holds. */
  #foreign(name: string): RedisError {
    const error = outOfStep(name)
    this.distrust(error)
    return error
  }

  /** A call had no answer in time. */
  timedOut(call: Call<never>, cause: RedisError): void {
    this.#servers.timedOut(call, cause)
  }

  /**
   * A reply was none of the call that it was given to, so no other is to be believed either: all that
   * is in flight fails.
   */
  distrust(cause: RedisError): void {
    this.#epoch++
    this.#servers.open(cause)
    this.#client.reconnect?.()
  }

  /** A door to each server that has keys of its own for SCAN to visit. */
  async nodes(): Promise<Redis[]> {
    if (this.#client.nodes === undefined) return [this]
    return (await this.#client.nodes()).map((node) => new Redis(node))
  }

  #deliver(
    commands: Command[],
    name: string,
    answered: (failure: RedisError | undefined, replies: unknown[][]) => void,
  ): void {
    const server = this.#servers.of(commands[0] as Command)
    const refusal = server.breaker?.refusal
    if (refusal !== undefined) {
      const reason = `Redis does not answer (${refusal.message})`
      const error = new RedisError(name, reason, { code: 'EBREAKER', cause: refusal })
      process.nextTick(answered, error, [])
      return
    }
    const epoch = this.#epoch
    const sentAt = performance.now()
    server.sent(sentAt)
    this.#pipeline.send(commands, (failure, replies) => {
      if (epoch !== this.#epoch) {
        server.lost()
        answered(outOfStep(name), [])
      } else if (failure === undefined || isErrorReply(failure)) {
        server.answered()
        answered(
          failure === undefined ? undefined : this.#refused(undelivered(name, failure)),
          replies,
        )
      } else {
        const error = undelivered(name, failure)
        server.lost()
        server.breaker?.disconnected(error, sentAt)
        answered(error, replies)
      }
    })
  }

  /**
   * After a failover, a client may be connected to what is only a replica by now. If there is no other
   * server yet, it is not asked over and over: reads work, and each new connection fails some.
   */
  #refused(error: RedisError): RedisError {
    if (error.code !== 'READONLY') return error
    const now = performance.now()
    if (now - this.#reconnectedAt >= RECONNECT_INTERVAL_MS) {
      this.#reconnectedAt = now
      this.#client.reconnect?.()
    }
    return error
  }

  /** From 1 on: a nonce and its negative differ. */
  #nextNonce(): number {
    this.#nonce = (this.#nonce % (NONCES - 1)) + 1
    return this.#nonce
  }

  /** Who connects anew may find another server, with another clock and other commands. */
  #forgetOthers(): void {
    const { connections } = this.#client
    if (connections === this.#connections) return
    this.#connections = connections
    this.#clock.forget()
    this.#native.forget()
  }
}

/**
 * Where a command is sent again, a client may have sent it twice before that, and given the second
 * reply: so even if it is not sent any more, it may have been carried out.
 */
function again(done: Callback<Reply>): Callback<Reply> {
  return (error, reply) => (error === null ? done(null, reply) : done(ofRepetition(error)))
}

/** Of a payload in the reply of GET_MANY: what was refused is in an array. */
function outcomeOfGet(reply: Reply): Outcome {
  return Array.isArray(reply) ? outcomeOf(GET.name, [new Error(String(reply[0]))]) : reply
}

/** Whether a server does not know a command, or its user may not use it: then it has done nothing. */
function isRefusal(outcome: Outcome | undefined): boolean {
  const code = codeOf(outcome)
  return code === 'ERR' || code === 'NOPERM'
}

function codeOf(failure: unknown): string | undefined {
  return (failure as Partial<RedisError> | null | undefined)?.code
}

/** What `instanceof RedisError` says of an outcome, in a tenth of its time. */
function isFailure(outcome: Outcome | undefined): outcome is RedisError {
  return outcome instanceof Error
}

function isText(reply: Outcome | undefined): boolean {
  return typeof reply === 'string' || Buffer.isBuffer(reply)
}

/** Whether it may be the payload and the remaining milliseconds of a session. */
function isSession(outcomes: Outcome[] | undefined): outcomes is Outcome[] {
  if (!Array.isArray(outcomes)) return false
  const [payload, pttl] = outcomes
  if (payload === null || isFailure(payload) || isFailure(pttl)) return true
  return isText(payload) && Number.isInteger(Number(pttl ?? Number.NaN))
}

/** The failure of a call whose reply is not to be believed. */
export function outOfStep(command: string): RedisError {
  const reason = 'replies reach the wrong calls: the connection is out of step'
  return new RedisError(command, reason, { code: 'EFOREIGN' })
}
