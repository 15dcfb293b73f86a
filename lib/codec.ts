import type { SessionData } from 'express-session'
import { KnownSession } from './known-session.ts'
import { decode, encode, isObject, type Payload, type Serializer } from './payload.ts'
import { RecentSessions } from './recent-sessions.ts'

/**
 * Turns the sessions of a store into payloads and back. Where the serializer is `JSON`, it does not do
 * the same work again and again: of a payload that was read before, it copies what that was parsed
 * to, in a tenth of the time; and of a large session that was written before, it stringifies only the
 * attributes that have changed. What comes of it is the same, byte for byte.
 */
export class Codec {
  readonly #serializer: Serializer
  readonly #recent: RecentSessions | undefined

  constructor(serializer: Serializer) {
    this.#serializer = serializer
    if (serializer === JSON) this.#recent = new RecentSessions()
  }

  /** See `decode` in payload.ts. */
  decode(sid: string, payload: Payload, cookieless: boolean): SessionData | Promise<SessionData> {
    const recent = this.#recent
    if (recent === undefined) return decode(this.#serializer, payload, cookieless)
    const known = recent.get(sid)
    const copy = known?.decode(payload)
    if (copy !== undefined) return copy
    const session = decode(this.#serializer, payload, cookieless) as SessionData
    if (!isObject(session.cookie)) return session
    if (known === undefined) {
      if (recent.isInUse(sid)) recent.put(sid, new KnownSession(payload, session))
    } else {
      known.learn(payload, session)
      recent.account(known)
    }
    return session
  }

  /** See `encode` in payload.ts. */
  encode(sid: string, session: SessionData): Payload | Promise<Payload> {
    const known = this.#recent?.get(sid)
    const payload = known?.encode(session)
    if (known === undefined || payload === undefined) return encode(this.#serializer, session)
    this.#recent?.account(known)
    return payload
  }

  /** Keeps nothing in memory of a session that is over. */
  forget(sid: string): void {
    this.#recent?.delete(sid)
  }
}
