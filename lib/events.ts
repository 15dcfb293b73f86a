import type { InvalidSessionError, RedisError } from './errors.ts'
import type { BreakerState } from './redis/breaker.ts'

/** What a store tells of, by `store.on(name, listener)`: the arguments of each listener. */
export interface SolidisStoreEvents {
  /** What Redis holds under the key of a session is no session, and was taken for none. */
  invalid: [{ sid: string; error: InvalidSessionError | RedisError }]
  /** A session was not written or touched, because it had been destroyed or had expired. */
  gone: [{ sid: string }]
  /**
   * A `touch` that was given a callback failed. It is no error of that callback, since express-session
   * would cut off the page, which has been made by then; the session lives on as long as before.
   */
  touchFailed: [{ sid: string; error: RedisError }]
  /** A session was ended for the sake of a new one, since there may be only `maxSessions` of a value. */
  evicted: [{ sid: string; value: string }]
  /** The breaker changed its state; `cause` is why it is, or was, not closed. */
  breaker: [{ state: BreakerState; cause: RedisError }]
}
