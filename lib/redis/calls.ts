import { type Callback, deliver, promiseOf } from '../callback.ts'
import { badArgument, RedisError } from '../errors.ts'
import type { CallMethod } from '../tracing/channels.ts'
import { Call } from './call.ts'
import type { Command } from './client.ts'
import type { Redis } from './redis.ts'
import { nameOf, type Outcome } from './replies.ts'
import { type Trace, traceOf } from './trace.ts'

/** The callback of a call, if one was given; nothing in its place is not the same as none. */
export type Given<T = void> = [callback?: Callback<T> | null | undefined]

/** The calls of a store: each is told of its outcome once, in time, and no more wait than may. */
export class Calls {
  readonly #redis: Redis
  readonly #timeout: number
  readonly #maxPending: number
  #pending = 0

  /**
   * @param timeout milliseconds that each may take; 0 for no limit
   * @param maxPending how many may wait at once
   */
  constructor(redis: Redis, timeout: number, maxPending: number) {
    this.#redis = redis
    this.#timeout = timeout
    this.#maxPending = maxPending
  }

  /**
   * Starts a call and lets it call back, or gives a promise of its result if there is no callback.
   * What `begin` throws is an error like any other.
   * @param method which of the store it is
   * @param command the name of the Redis command that it is about
   * @param given the callback, if the caller gave one. `undefined` in its place says that the outcome
   * is no matter to the caller (`req.session.destroy()`): the promise is not one to be handled.
   * @param timeout milliseconds that it may take, if not as long as every call
   */
  start<T>(
    method: CallMethod,
    command: string,
    given: Given<T>,
    begin: (call: Call<T>) => void,
    timeout = this.#timeout,
  ): Promise<T> | undefined {
    const [callback] = given
    const trace = traceOf(method)
    if (callback !== undefined && callback !== null) {
      if (typeof callback !== 'function') {
        return Promise.reject(badArgument('callback', 'a function', callback))
      }
      const back = trace?.around(callback) ?? callback
      const tell: Callback<T> = (error, result) => deliver(back, error, result)
      this.#admit(command, timeout, tell, begin, trace)
      return undefined
    }
    const promise = promiseOf<T>((tell) => {
      this.#admit(command, timeout, trace?.around(tell) ?? tell, begin, trace)
    })
    if (given.length > 0) promise.catch(() => {})
    return promise
  }

  /**
   * Takes one of many steps of a call that was let in already. It may take as long as a call.
   * @param command the name of the Redis command that it is about
   */
  step<T>(command: string, begin: (done: Callback<T>) => void): Promise<T> {
    return promiseOf<T>((tell) => {
      const settle = (call: Call<T>) => begin((error, result) => call.settle(error, result))
      this.#begin(command, this.#timeout, tell, settle)
    })
  }

  /** Takes a step that gives a promise. */
  stepOf<T>(command: string, take: () => Promise<T>): Promise<T> {
    return this.step(command, (done) => {
      take().then((result) => done(null, result), done)
    })
  }

  /** Sends commands in a step. */
  ask(redis: Redis, commands: Command[]): Promise<Outcome[]> {
    return this.step(nameOf(commands[0]), (done) => redis.sendAll(commands, done))
  }

  #admit<T>(
    command: string,
    timeout: number,
    tell: Callback<T>,
    begin: (call: Call<T>) => void,
    trace: Trace | undefined,
  ): void {
    if (trace === undefined) this.#letIn(command, timeout, tell, begin)
    else trace.begin(() => this.#letIn(command, timeout, tell, begin, trace))
  }

  #letIn<T>(
    command: string,
    timeout: number,
    tell: Callback<T>,
    begin: (call: Call<T>) => void,
    trace?: Trace,
  ): void {
    if (this.#pending >= this.#maxPending) {
      const reason = `${this.#maxPending} calls are waiting already`
      tell(new RedisError(command, reason, { code: 'EOVERLOAD' }))
      return
    }
    this.#begin(command, timeout, tell, begin, trace)
  }

  #begin<T>(
    command: string,
    timeout: number,
    tell: Callback<T>,
    begin: (call: Call<T>) => void,
    trace?: Trace,
  ): void {
    this.#pending++
    const call = new Call(command, timeout, tell, this, trace)
    try {
      begin(call)
    } catch (error) {
      call.fail(error as Error)
    }
  }

  /** Called by each call when it is over. */
  ended(): void {
    this.#pending--
  }

  /** Called by each call whose time is up. */
  expired(call: Call<never>, error: RedisError): void {
    this.#redis.timedOut(call, error)
  }
}
