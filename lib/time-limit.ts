type Expire = () => void

/** A wait that has begun, between those that began before and after it. */
export interface Wait {
  readonly expire: Expire
  /** By the clock of `performance.now()`. */
  readonly deadline: number
  ended: boolean
  older: Wait | undefined
  newer: Wait | undefined
}

/**
 * Bounds how long calls may wait, with one timer for all of them. Each may wait equally long, so the
 * oldest is the next to expire: they are kept in a linked list, which costs less than a timer, or an
 * entry in a Map, for every call.
 */
export class TimeLimit {
  /** How long each may wait; 0 for no limit. */
  readonly milliseconds: number
  #oldest: Wait | undefined
  #newest: Wait | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(milliseconds: number) {
    this.milliseconds = milliseconds
  }

  /** Begins a wait: `expire` is called when its time is up, unless it ends before. */
  start(expire: Expire): Wait | undefined {
    if (this.milliseconds === 0) return undefined
    const deadline = performance.now() + this.milliseconds
    const wait: Wait = { expire, deadline, ended: false, older: this.#newest, newer: undefined }
    if (this.#newest === undefined) {
      this.#oldest = wait
      this.#watch()
    } else {
      this.#newest.newer = wait
    }
    this.#newest = wait
    return wait
  }

  /** Ends a wait, unless that has been done. */
  end(wait: Wait | undefined): void {
    if (wait === undefined || wait.ended) return
    wait.ended = true
    const { older, newer } = wait
    if (older === undefined) this.#oldest = newer
    else older.newer = newer
    if (newer === undefined) this.#newest = older
    else newer.older = older
    // A dead wait must not lead to live ones, or the garbage collector keeps them all.
    wait.older = undefined
    wait.newer = undefined
    if (this.#oldest === undefined) this.#timer?.unref()
  }

  /** A timer left from earlier waits will find itself too early, and be set anew. */
  #watch(): void {
    if (this.#timer === undefined) this.#setTimer(this.milliseconds)
    else this.#timer.ref()
  }

  #setTimer(milliseconds: number): void {
    this.#timer = setTimeout(() => this.#expireDue(), milliseconds)
  }

  #expireDue(): void {
    this.#timer = undefined
    const now = performance.now()
    for (let wait = this.#oldest; wait !== undefined; wait = this.#oldest) {
      if (wait.deadline > now) {
        this.#setTimer(Math.ceil(wait.deadline - now))
        break
      }
      this.end(wait)
      wait.expire()
    }
  }
}
