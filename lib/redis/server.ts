import type { Breaker } from './breaker.ts'
import type { Command } from './client.ts'

/** A server that calls go to, and how it does. A cluster has several. */
export class Server {
  /** `undefined`: calls go to it whatever it does. */
  readonly breaker: Breaker | undefined
  /** The key that it was asked for last: in a cluster, who asks for it again finds the same server. */
  key: Command[number] | undefined
  #inFlight = 0
  /** Since when it owes an answer and has given none, by `performance.now()`. */
  #silentSince = Number.POSITIVE_INFINITY

  constructor(breaker: Breaker | undefined) {
    this.breaker = breaker
  }

  /** Whether nothing is known of it that would be missed. */
  get isIdle(): boolean {
    return this.#inFlight === 0 && this.breaker?.refusal === undefined
  }

  sent(now: number): void {
    if (this.#inFlight++ === 0) this.#silentSince = now
  }

  answered(): void {
    this.#inFlight--
    this.#silentSince = performance.now()
    this.breaker?.answered()
  }

  /** The client could not deliver. */
  lost(): void {
    this.#inFlight--
  }

  /** Whether it owes an answer, and has given none since then. */
  isSilentSince(time: number): boolean {
    return this.#inFlight > 0 && this.#silentSince <= time
  }
}
