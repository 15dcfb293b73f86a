/** A promise did not settle in time. */
export class TimeLimitError extends Error {}

type Expire = (error: TimeLimitError) => void

/**
 * Bounds how long promises may take to settle, with one timer for all of them. Each may take equally
 * long, so the oldest is the next to expire, and a Map keeps them in that order.
 */
export class TimeLimit {
  readonly #milliseconds: number
  readonly #deadlines = new Map<Expire, number>()
  #timer: NodeJS.Timeout | undefined

  /** @param milliseconds how long each may take; 0 for no limit */
  constructor(milliseconds: number) {
    this.#milliseconds = milliseconds
  }

  /** The same promise, but rejected with a `TimeLimitError` when its time is up. */
  bound<T>(promise: Promise<T>): Promise<T> {
    if (this.#milliseconds === 0) return promise
    return new Promise((resolve, reject) => {
      this.#start(reject)
      promise.then(
        (value) => {
          this.#end(reject)
          resolve(value)
        },
        (error) => {
          this.#end(reject)
          reject(error)
        },
      )
    })
  }

  #start(expire: Expire): void {
    this.#deadlines.set(expire, performance.now() + this.#milliseconds)
    // A timer that is left from earlier promises will find that it is too early, and go on.
    if (this.#timer === undefined) this.#setTimer(this.#milliseconds)
    else if (this.#deadlines.size === 1) this.#timer.ref()
  }

  #end(expire: Expire): void {
    this.#deadlines.delete(expire)
    if (this.#deadlines.size === 0) this.#timer?.unref()
  }

  #setTimer(milliseconds: number): void {
    this.#timer = setTimeout(() => this.#expire(), milliseconds)
  }

  #expire(): void {
    this.#timer = undefined
    const now = performance.now()
    for (const [expire, deadline] of this.#deadlines) {
      if (deadline > now) {
        this.#setTimer(Math.ceil(deadline - now))
        break
      }
      this.#deadlines.delete(expire)
      expire(new TimeLimitError(`no answer within ${this.#milliseconds} ms`))
    }
  }
}
