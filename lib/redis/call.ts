import type { Callback } from '../callback.ts'
import { RedisError } from '../errors.ts'
import { startDeadline } from './deadline.ts'
import type { Trace } from './trace.ts'

/** Who is told that a call is over. */
interface Owner {
  ended(): void
  expired(call: Call<never>, error: RedisError): void
}

/**
 * One call of a caller, who is told of its outcome once, and in time. From then on, nothing holds on
 * to the caller, however long the client still waits for Redis.
 */
export class Call<T> {
  /** By the clock of `performance.now()`. */
  readonly beganAt = performance.now()
  /** When its time is up, by the same clock; `Infinity`: never. */
  readonly deadline: number
  /** Is told how it goes, until it is over, if anybody listens. */
  trace: Trace | undefined
  readonly #command: string
  readonly #timeout: number
  readonly #owner: Owner
  #tell: Callback<T> | undefined
  #onExpired: (() => void) | undefined
  readonly #timer: NodeJS.Timeout | undefined

  /**
   * @param command what it waits for, by the name of a Redis command
   * @param timeout milliseconds that it may take; 0 for no limit
   */
  constructor(command: string, timeout: number, tell: Callback<T>, owner: Owner, trace?: Trace) {
    this.#command = command
    this.#timeout = timeout
    this.#tell = tell
    this.#owner = owner
    this.trace = trace
    this.deadline = timeout > 0 ? this.beganAt + timeout : Infinity
    if (timeout > 0) this.#timer = startDeadline(this, timeout, this.deadline)
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
    if (tell === undefined) return undefined
    this.#tell = undefined
    this.trace = undefined
    clearTimeout(this.#timer)
    this.#owner.ended()
    return tell
  }

  /** Called when its time is up. */
  expire(wasBusy: boolean): void {
    if (this.isOver) return
    const reason = `no answer within ${this.#timeout} ms`
    const error = new RedisError(this.#command, reason, { code: 'ETIMEDOUT' })
    if (!wasBusy) this.#owner.expired(this as unknown as Call<never>, error)
    this.fail(error)
    // Later: what comes next may be out of time itself, and is not to be sent then.
    if (this.#onExpired !== undefined) setImmediate(this.#onExpired)
  }
}
