import { type Callback, deliver, promiseOf } from '../callback.ts'
import { badArgument, RedisError } from '../errors.ts'
import { startDeadline } from './deadline.ts'

/**
 * One call of a caller, who is told of its outcome once, and in time. From then on, nothing holds on
 * to the caller, however long the client still waits for Redis.
 */
export class Call<T> {
  /** What it waits for, by the name of a Redis command. */
  readonly command: string
  /** When its time is up, by the clock of `performance.now()`; `Infinity`: never. */
  readonly deadline: number
  #tell: Callback<T> | undefined
  #onExpired: (() => void) | undefined
  readonly #timer: NodeJS.Timeout | undefined

  /** @param timeout milliseconds that it may take; 0 for no limit */
  constructor(command: string, timeout: number, tell: Callback<T>) {
    this.command = command
    this.#tell = tell
    this.deadline = timeout > 0 ? performance.now() + timeout : Infinity
    if (timeout > 0)
      this.#timer = startDeadline(() => this.#expire(timeout), timeout, this.deadline)
  }

  get isOver(): boolean {
    return this.#tell === undefined
  }

  succeed(result: T): void {
    this.#end()?.(null, result)
  }

  fail(error: Error): void {
    this.#end()?.(error)
  }

  settle(error: Error | null, result?: T): void {
    this.#end()?.(error, result)
  }

  /** Has `f` called if the time is up, after the caller has been told. */
  whenExpired(f: () => void): void {
    const earlier = this.#onExpired
    this.#onExpired = earlier === undefined ? f : () => [earlier, f].forEach((each) => void each())
  }

  #end(): Callback<T> | undefined {
    const tell = this.#tell
    this.#tell = undefined
    clearTimeout(this.#timer)
    return tell
  }

  #expire(timeout: number): void {
    if (this.isOver) return
    const reason = `no answer within ${timeout} ms`
    this.fail(new RedisError(this.command, reason, { code: 'ETIMEDOUT' }))
    this.#onExpired?.()
  }
}

/** The callback of a call, if one was given; nothing in its place is not the same as none. */
export type Given<T = void> = [callback?: Callback<T> | null | undefined]

/**
 * Starts a call and lets it call back, or gives a promise of its result if there is no callback. What
 * `start` throws is an error like any other.
 * @param given the callback, if the caller gave one. `undefined` in its place says that the outcome is
 * no matter to the caller (`req.session.destroy()`): the promise is not one to be handled.
 */
export function startCall<T>(
  command: string,
  timeout: number,
  given: Given<T>,
  start: (call: Call<T>) => void,
): Promise<T> | undefined {
  const [callback] = given
  if (callback !== undefined && callback !== null) {
    if (typeof callback !== 'function') {
      return Promise.reject(badArgument('callback', 'a function', callback))
    }
    const tell: Callback<T> = (error, result) => deliver(callback, error, result)
    begin(new Call(command, timeout, tell), start)
    return undefined
  }
  const promise = promiseOf<T>((tell) => begin(new Call(command, timeout, tell), start))
  if (given.length > 0) promise.catch(() => {})
  return promise
}

function begin<T>(call: Call<T>, start: (call: Call<T>) => void): void {
  try {
    start(call)
  } catch (error) {
    call.fail(error as Error)
  }
}
