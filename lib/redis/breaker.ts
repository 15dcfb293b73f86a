import type { RedisError } from '../errors.ts'

/** `closed`: calls go through; `open`: they fail at once; `halfOpen`: the same, while one probe is out. */
export type BreakerState = 'closed' | 'open' | 'halfOpen'

/** So many calls in a row without an answer open it. */
const THRESHOLD = 3
const MIN_BACKOFF_MS = 100
const MAX_BACKOFF_MS = 1000
/** How long the answer to the first probe may take; that to the next ones more and more. */
const MIN_PROBE_TIMEOUT_MS = 250
const MAX_PROBE_TIMEOUT_MS = 1000
/** After the first probe in vain, and after every so many, the client is asked to connect anew. */
const PROBES_A_RECONNECT = 3

/** What a breaker needs to know and to do. */
export interface BreakerActions {
  /** Asks Redis for something that only the right answer is right for. */
  probe(done: (isRight: boolean) => void): void
  /** Has the client connect anew, if it can. */
  reconnect(): void
  changed(state: BreakerState, cause: RedisError): void
}

/**
 * Lets calls fail at once while Redis does not answer, instead of letting each wait as long as it may,
 * and finds out by a probe now and then when it does again. Silence is also what lets a client notice
 * that its connection is dead.
 */
export class Breaker {
  readonly #actions: BreakerActions
  #state: BreakerState = 'closed'
  /** Why it is not closed, or may soon be open. */
  #cause: RedisError | undefined
  #failures = 0
  #lastFailureAt = 0
  #probes = 0

  constructor(actions: BreakerActions) {
    this.#actions = actions
  }

  get state(): BreakerState {
    return this.#state
  }

  /** Why calls fail at once; `undefined` if they do not. */
  get refusal(): RedisError | undefined {
    return this.#state === 'closed' ? undefined : this.#cause
  }

  /** Redis has answered. */
  answered(): void {
    this.#failures = 0
  }

  /** A call has waited for an answer as long as it may, and none has come to any call since it began. */
  timedOut(cause: RedisError): void {
    this.#count(cause)
  }

  /**
   * The client could not deliver.
   * @param sentAt by `performance.now()`: of all that a lost connection takes with it, one counts
   */
  disconnected(cause: RedisError, sentAt: number): void {
    if (sentAt >= this.#lastFailureAt) this.#count(cause)
  }

  /** Opens it, whatever there was before. */
  open(cause: RedisError): void {
    if (this.#state !== 'closed') return
    this.#cause = cause
    this.#probes = 0
    this.#to('open')
    this.#probeLater()
  }

  #count(cause: RedisError): void {
    this.#lastFailureAt = performance.now()
    if (++this.#failures >= THRESHOLD) this.open(cause)
  }

  #to(state: BreakerState): void {
    this.#state = state
    this.#actions.changed(state, this.#cause as RedisError)
  }

  #probeLater(): void {
    const backOffMs = doubled(MIN_BACKOFF_MS, this.#probes, MAX_BACKOFF_MS)
    const jitter = 0.5 + Math.random() / 2
    setTimeout(() => this.#probe(), backOffMs * jitter).unref()
  }

  #probe(): void {
    const timeoutMs = doubled(MIN_PROBE_TIMEOUT_MS, this.#probes, MAX_PROBE_TIMEOUT_MS)
    if (this.#probes % PROBES_A_RECONNECT === 1) this.#actions.reconnect()
    this.#probes++
    this.#to('halfOpen')
    let isOver = false
    const end = (isRight: boolean) => {
      if (isOver) return
      isOver = true
      clearTimeout(timer)
      if (isRight) this.#close()
      else {
        this.#to('open')
        this.#probeLater()
      }
    }
    const timer = setTimeout(end, timeoutMs, false).unref()
    this.#actions.probe(end)
  }

  #close(): void {
    this.#failures = 0
    this.#to('closed')
    this.#cause = undefined
  }
}

function doubled(ms: number, times: number, maxMs: number): number {
  return Math.min(ms * 2 ** times, maxMs)
}
