/** Something that is waited for, in the list of a `TimeLimit`. */
export abstract class Wait {
  /** By the clock of `performance.now()`. */
  deadline = 0
  ended = false
  older: Wait | undefined = undefined
  newer: Wait | undefined = undefined

  /** Its time is up. */
  abstract expire(): void
}

/**
 * Bounds how long calls may wait, with one timer for all of them. Each may wait equally long, so the
 * oldest is the next to expire: they form a linked list, which costs less than a timer, or an entry
 * in a Map, for every call.
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

  /** Begins a wait, which expires when its time is up, unless it ends before. */
  start(wait: Wait): void {
    if (this.milliseconds === 0) return
    wait.deadline = performance.now() + this.milliseconds
    wait.older = this.#newest
    if (this.#newest === undefined) {
      this.#oldest = wait
      this.#watch()
    } else {
      this.#newest.newer = wait
    }
    this.#newest = wait
  }

  /** Ends a wait. Gives false if that has been done, by its expiry too. */
  end(wait: Wait): boolean {
    if (wait.ended) return false
    wait.ended = true
    if (this.milliseconds > 0) this.#unlink(wait)
    return true
  }

  #unlink(wait: Wait): void {
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
