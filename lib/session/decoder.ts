import type { SessionData } from 'express-session'
import { KnownSession } from './known-session.ts'
import { decode, isObject, type Payload, type Serializer } from './payload.ts'
import { RecentSessions } from './recent-sessions.ts'

/**
 * Turns payloads into sessions. Where the serializer is `JSON`, a payload that comes again and again is
 * not parsed each time, but what it was parsed to is copied, which takes a tenth of the time.
 */
export class Decoder {
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
    if (known?.is(payload)) {
      const copy = known.copy()
      if (copy !== undefined) return copy
      const session = decode(this.#serializer, payload, cookieless) as SessionData
      if (isObject(session.cookie)) known.keep(session)
      return session
    }
    if (known?.size === payload.length) known.replace(payload)
    else recent.put(sid, new KnownSession(payload))
    return decode(this.#serializer, payload, cookieless)
  }

  /** Keeps nothing in memory of a session that is over. */
  forget(sid: string): void {
    this.#recent?.delete(sid)
  }
}
