import { AsyncResource } from 'node:async_hooks'
import type { Callback } from '../callback.ts'
import { type CallMethod, type CallOutcome, type CallTrace, calls } from '../tracing/channels.ts'
import { shownError } from '../tracing/shown-error.ts'
import { isUnsent, type Outcome } from './replies.ts'

/** Publishes what is to be known of one call. */
export class Trace {
  readonly #call: CallTrace
  /** How often Redis was asked. */
  #asks = 0

  constructor(method: CallMethod) {
    this.#call = { method, retries: 0, merges: 0, asked: false }
  }

  /** Begins the call in the context that subscribers bind to it. */
  begin(start: () => void): void {
    calls.start.runStores(this.#call, start)
    calls.end.publish(this.#call)
  }

  /** Lets a callback of the call be called in the context of who has made the call, not in that of the call. */
  around<T>(callback: Callback<T>): Callback<T> {
    const caller = new AsyncResource('SolidisStore')
    return (...outcome) => {
      this.#finish(outcome[0])
      caller.runInAsyncScope(() =>
        calls.asyncStart.runStores(this.#call, () => {
          try {
            callback(...outcome)
          } finally {
            calls.asyncEnd.publish(this.#call)
          }
        }),
      )
    }
  }

  /**
   * Redis is about to be asked, unless that is refused, with which the call fails.
   * @param payload that is to be written
   */
  asks(payload?: string): void {
    this.#asks++
    if (payload !== undefined) this.#call.bytes = Buffer.byteLength(payload)
  }

  /** Redis has given this for the payload. */
  read(payload: Outcome): void {
    if (typeof payload === 'string' || Buffer.isBuffer(payload)) {
      this.#call.bytes = Buffer.byteLength(payload)
    }
  }

  /** Another was faster. */
  lost(): void {
    this.#call.retries++
  }

  merged(): void {
    this.#call.merges++
  }

  /** Of what is said of its outcome, if that is no failure, the first counts. */
  ends(outcome: CallOutcome): void {
    this.#call.outcome ??= outcome
  }

  #finish(error: Error | null): void {
    const call = this.#call
    call.asked = this.#asks > (isUnsent(error) ? 1 : 0)
    if (error === null) {
      call.outcome ??= 'done'
      return
    }
    call.outcome = 'failed'
    call.error = shownError(error)
    call.code = call.error.code
    calls.error.publish(call)
  }
}

/** That of a call, if anybody listens. */
export function traceOf(method: CallMethod): Trace | undefined {
  return calls.hasSubscribers ? new Trace(method) : undefined
}
