/** For so long, what was learned of the clock is held against what is learned later. */
const WINDOW_MS = 30_000

/**
 * What is known of the clock of Redis. Each reply that tells the time sets a bound: Redis was no later
 * than that when the reply arrived. The earliest of the recent bounds counts, so that a deadline is
 * never later than it was meant, even where several servers have clocks of their own.
 */
export class Clock {
  /** How far Redis is ahead of `performance.now()`, which no change of the system's time moves. */
  #ahead = Number.POSITIVE_INFINITY
  #aheadBefore = Number.POSITIVE_INFINITY
  #windowEndsAt = 0

  /** Takes the time of a reply that has just arrived, in milliseconds since the epoch. */
  learn(time: number): void {
    const now = performance.now()
    if (now > this.#windowEndsAt) {
      this.#aheadBefore = this.#ahead
      this.#ahead = Number.POSITIVE_INFINITY
      this.#windowEndsAt = now + WINDOW_MS
    }
    this.#ahead = Math.min(this.#ahead, time - now)
  }

  /** A deadline was over, though it is not: what was learned is no longer so. */
  relearn(time: number): void {
    this.forget()
    this.learn(time)
  }

  /** Another server may answer from now on. */
  forget(): void {
    this.#ahead = Number.POSITIVE_INFINITY
    this.#aheadBefore = Number.POSITIVE_INFINITY
  }

  /**
   * When something is over by the clock of Redis; 0, which is long over, while that is not known.
   * @param deadline by the clock of `performance.now()`
   */
  timeOf(deadline: number): number {
    const ahead = this.#earliest
    // The last of the whole milliseconds that Redis compares with which is over by then.
    return ahead === Number.POSITIVE_INFINITY ? 0 : Math.floor(deadline + ahead) - 1
  }

  /**
   * How far it is ahead of another clock; `undefined` while that is not known.
   * @param now milliseconds since the epoch, by the other clock
   */
  aheadOf(now: number): number | undefined {
    const ahead = this.#earliest
    return ahead === Number.POSITIVE_INFINITY ? undefined : performance.now() + ahead - now
  }

  get #earliest(): number {
    return Math.min(this.#ahead, this.#aheadBefore)
  }
}
