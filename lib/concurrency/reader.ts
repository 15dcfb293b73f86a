import type { SessionData } from 'express-session'
import type { Callback } from '../callback.ts'
import { InvalidSessionError, RedisError } from '../errors.ts'
import type { Owners } from '../owners/owners.ts'
import type { Call } from '../redis/call.ts'
import { GET } from '../redis/commands.ts'
import { outOfStep, type Redis } from '../redis/redis.ts'
import type { Outcome } from '../redis/replies.ts'
import { cookieData } from '../session/cookie.ts'
import { correctExpires, expiresAt } from '../session/expiry.ts'
import { type Codec, type Payload, payloadOf } from '../session/payload.ts'
import { ForeignPayloadError } from '../session/sealing.ts'
import { isOver, type Lives } from './lives.ts'
import { attachSnapshot, plainForm } from './snapshot.ts'

/** On whose behalf, for its trace. */
type Traced = Pick<Call<never>, 'trace'>

type Invalid = (sid: string, error: InvalidSessionError | RedisError) => void

/** Reads sessions, and remembers of each what it was loaded from. */
export class Reader {
  readonly #redis: Redis
  readonly #codec: Codec
  readonly #lives: Lives
  readonly #owners: Owners | undefined
  readonly #owner: object
  readonly #onInvalid: Invalid

  /**
   * @param owners where sessions have owners
   * @param onInvalid is told of what is in Redis but is no session
   */
  constructor(
    redis: Redis,
    codec: Codec,
    lives: Lives,
    owners: Owners | undefined,
    owner: object,
    onInvalid: Invalid,
  ) {
    this.#redis = redis
    this.#codec = codec
    this.#lives = lives
    this.#owners = owners
    this.#owner = owner
    this.#onInvalid = onInvalid
  }

  /** Gives the session under a key, or `null` if there is none. */
  read(sid: string, key: string, call: Traced, done: Callback<SessionData | null>): void {
    call.trace?.asks()
    this.#redis.get(key, (error, outcomes) => {
      if (error !== null) return done(error)
      const [payload, pttl] = outcomes as [Outcome, Outcome]
      call.trace?.read(payload)
      const fail = (failure: unknown) => {
        if (failure instanceof ForeignPayloadError) this.verify(sid, key, call, done)
        else done(failure as Error)
      }
      try {
        const session = this.load(sid, payload, pttl, call)
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
   * @throws ForeignPayloadError if it is not of this session, which is to be verified
   * @throws RedisError if Redis refused one of the two
   */
  load(
    sid: string,
    payload: Outcome,
    pttl: Outcome,
    call?: Traced,
  ): SessionData | null | Promise<SessionData | null> {
    if (payload instanceof RedisError && payload.code === 'WRONGTYPE')
      return this.#invalid(sid, payload, call)
    for (const outcome of [payload, pttl]) if (outcome instanceof RedisError) throw outcome
    const endsAt = expiresAt(Number(pttl))
    if (payload === null || endsAt === 0) return null
    const text = payloadOf(payload)
    try {
      const session = this.#codec.decode(sid, text)
      if (!(session instanceof Promise)) return this.#remember(sid, session, text, endsAt)
      return session.then(
        (decoded) => this.#remember(sid, decoded, text, endsAt),
        (error) => this.#invalid(sid, error, call),
      )
    } catch (error) {
      return this.#invalid(sid, error, call)
    }
  }

  /**
   * Finds out whether what is no payload of a session stands under its key, which is bad data, or has
   * only come with a reply to another call: then no reply is to be believed any more.
   */
  verify(sid: string, key: string, call: Traced | undefined, done: Callback<null>): void {
    call?.trace?.asks()
    this.#redis.runShown(GET, key, [], async (error, outcomes) => {
      if (error !== null) return done(error)
      const badData = await this.#badDataIn(sid, outcomes?.[0])
      if (badData !== undefined) {
        call?.trace?.ends('invalid')
        this.#onInvalid(sid, badData)
        return done(null, null)
      }
      const foreign = outOfStep('GET')
      this.#redis.distrust(foreign)
      done(foreign)
    })
  }

  async #badDataIn(
    sid: string,
    payload: Outcome | undefined,
  ): Promise<InvalidSessionError | undefined> {
    try {
      if (payload !== null) await this.#codec.decode(sid, payloadOf(payload))
      return undefined
    } catch (error) {
      return error instanceof ForeignPayloadError ? error.badData : undefined
    }
  }

  #remember(
    sid: string,
    session: SessionData,
    payload: Payload,
    keyEndsAt: number,
  ): SessionData | null {
    const createdAt = this.#codec.createdAtOf(session)
    // It may have been written when it was allowed to live for longer.
    const lastsUntil = this.#lives.endOf(createdAt)
    if (isOver(lastsUntil)) return null
    const endsAt = Math.min(keyEndsAt, lastsUntil)
    correctExpires(session, endsAt)
    attachSnapshot(session, {
      owner: this.#owner,
      sid,
      forms: [plainForm(payload)],
      cookie: cookieData(session),
      expiresAt: endsAt,
      createdAt,
      value: this.#owners?.valueOfLoaded(session),
    })
    return session
  }

  #invalid(sid: string, error: unknown, call: Traced | undefined): null {
    const isBadData = error instanceof InvalidSessionError || error instanceof RedisError
    if (!isBadData) throw error
    call?.trace?.ends('invalid')
    this.#onInvalid(sid, error)
    return null
  }
}
