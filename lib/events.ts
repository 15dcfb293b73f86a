import type { InvalidSessionError, RedisError } from './errors.ts'

/** What a store tells of, by `store.on(name, listener)`: the arguments of each listener. */
export interface SolidisStoreEvents {
  /** What Redis holds under the key of a session is no session, and was taken for none. */
  invalid: [{ sid: string; error: InvalidSessionError | RedisError }]
  /** A session was not written or touched, because it had been destroyed or had expired. */
  gone: [{ sid: string }]
}
