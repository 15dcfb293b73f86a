import type { SessionData } from 'express-session'
import { KnownSession } from './known-session.ts'
import { decode, encode, isObject, type Payload, type Serializer } from './payload.ts'
import { RecentSessions } from './recent-sessions.ts'

/**
 * Turns the sessions of a store into payloads and back. Where the serializer is `JSON`, no work is
 * done twice: a payload that was parsed before is not parsed again, but what it was parsed to is
 * copied, in a tenth of the time; and of a session, only the attributes that have changed are
 * stringified again. What comes of it is the same, byte for byte.
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
    if ((known !== undefined || recent.isInUse(sid)) && isObject(session.cookie)) {
      recent.put(sid, new KnownSession(payload, session))
    }
    return session
  }

  /** See `encode` in payload.ts. */
  encode(sid: string, session: SessionData): Payload | Promise<Payload> {
    const known = this.#recent?.get(sid)
    if (known === undefined) return encode(this.#serializer, session)
    const { size } = known
    const payload = known.encode(session)
    if (payload === undefined) return encode(this.#serializer, session)
    if (known.size !== size) this.#recent?.put(sid, known)
    return payload
  }

  /** Keeps nothing in memory of a session that is over. */
  forget(sid: string): void {
    this.#recent?.delete(sid)
  }
}
