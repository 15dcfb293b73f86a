import type { SessionData } from 'express-session'
import type { Callback } from '../callback.ts'
import { InvalidSessionError, RedisError } from '../errors.ts'
import { get } from '../redis/commands.ts'
import type { Redis } from '../redis/redis.ts'
import type { Outcome } from '../redis/replies.ts'
import { cookieData } from '../session/cookie.ts'
import { correctExpires, expiresAt } from '../session/expiry.ts'
import { decode, type Payload, payloadOf, type Serializer } from '../session/payload.ts'
import { attachSnapshot, plainForm } from './snapshot.ts'

/** Reads sessions, and remembers of each what it was loaded from. */
export class Reader {
  readonly #redis: Redis
  readonly #serializer: Serializer
  readonly #owner: object
  readonly #onInvalid: (sid: string, error: InvalidSessionError | RedisError) => void

  /** @param onInvalid is told of what is in Redis but is no session */
  constructor(
    redis: Redis,
    serializer: Serializer,
    owner: object,
    onInvalid: (sid: string, error: InvalidSessionError | RedisError) => void,
  ) {
    this.#redis = redis
    this.#serializer = serializer
    this.#owner = owner
    this.#onInvalid = onInvalid
  }

  /** Gives the session under a key, or `null` if there is none. */
  read(sid: string, key: string, done: Callback<SessionData | null>): void {
    this.#redis.sendAll(get(key), (error, outcomes) => {
      if (error !== null) {
        done(error)
        return
      }
      const fail = (failure: unknown) => done(failure as Error)
      try {
        const [payload, pttl] = outcomes as [Outcome, Outcome]
        const session = this.load(sid, payload, pttl)
        if (session instanceof Promise) session.then((loaded) => done(null, loaded)).catch(fail)
        else done(null, session)
      } catch (failure) {
        fail(failure)
      }
    })
  }

  /**
   * Makes a session of what GET and PTTL gave, with the expiry that Redis will apply; `null` if there
   * is none, or if that is no session, which is told.
   * @throws RedisError if Redis refused one of the two
   */
  load(
    sid: string,
    payload: Outcome,
    pttl: Outcome,
  ): SessionData | null | Promise<SessionData | null> {
    if (payload instanceof RedisError && payload.code === 'WRONGTYPE')
      return this.#invalid(sid, payload)
    for (const outcome of [payload, pttl]) if (outcome instanceof RedisError) throw outcome
    const endsAt = expiresAt(Number(pttl))
    if (payload === null || endsAt === 0) return null
    try {
      const text = payloadOf(payload)
      const session = decode(this.#serializer, text)
      if (!(session instanceof Promise)) return this.#remember(sid, session, text, endsAt)
      return session.then(
        (decoded) => this.#remember(sid, decoded, text, endsAt),
        (error) => this.#invalid(sid, error),
      )
    } catch (error) {
      return this.#invalid(sid, error)
    }
  }

  #remember(sid: string, session: SessionData, payload: Payload, endsAt: number): SessionData {
    correctExpires(session, endsAt)
    attachSnapshot(session, {
      owner: this.#owner,
      sid,
      forms: [plainForm(payload)],
      cookie: cookieData(session),
      expiresAt: endsAt,
    })
    return session
  }

  #invalid(sid: string, error: unknown): null {
    const isBadData = error instanceof InvalidSessionError || error instanceof RedisError
    if (!isBadData) throw error
    this.#onInvalid(sid, error)
    return null
  }
}
