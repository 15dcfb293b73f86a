/** What a session holds: the number of the write that made it so; `null` where there is none. */
export type State = number | null

/** What an answer of the store says of a session, held against what Redis may hold of it. */
export type Verdict = 'right' | 'lost' | 'back to life' | 'late'

/**
 * What Redis may hold of one session, by what its owner was told: what was acknowledged last, or what
 * has failed since without an answer. What was refused, or acknowledged before that, never again.
 */
export class Ledger {
  readonly sid: string
  /** What was acknowledged last. */
  #known: State = null
  /** What was told to have failed since, but may have been applied, from the oldest on. */
  #unknown: State[] = []
  /** By `performance.now()`, when the write began that was acknowledged last. */
  #writtenAt = Number.NEGATIVE_INFINITY
  #failures = new Set<State>()

  constructor(sid: string) {
    this.sid = sid
  }

  /** Whether it is known that there is none. */
  get isGone(): boolean {
    return this.#known === null && this.#unknown.every((state) => state === null)
  }

  /** A write was acknowledged. */
  wrote(state: State, beganAt: number): void {
    this.#known = state
    this.#unknown = []
    this.#writtenAt = beganAt
  }

  /**
   * A write was told to have failed.
   * @param isRefused whether nobody has applied it, nor will
   */
  failed(state: State, isRefused: boolean): void {
    this.#failures.add(state)
    if (!isRefused) this.#unknown.push(state)
  }

  /**
   * Somebody was told what Redis holds.
   * @param wipedAt when Redis lost its data last, and with it what was acknowledged before
   */
  observe(seen: State, wipedAt: number): Verdict {
    if (seen === this.#known) return 'right'
    const index = this.#unknown.indexOf(seen)
    if (index !== -1) {
      this.#known = seen
      this.#unknown.splice(0, index + 1)
      return 'right'
    }
    const { isGone } = this
    this.#known = seen
    if (seen === null) return this.#writtenAt <= wipedAt ? 'right' : 'lost'
    if (isGone) return 'back to life'
    return this.#failures.has(seen) ? 'late' : 'lost'
  }
}
