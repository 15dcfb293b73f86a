import type { SessionData } from 'express-session'
import { copyJSON, type JSONObject } from './json.ts'
import type { Payload } from './payload.ts'

/**
 * A session as it was last read: its payload and, once that has come twice, what it decodes to. A
 * payload that changes from request to request will not come again, and is not worth a copy.
 */
export class KnownSession {
  #payload: Payload
  #session: JSONObject | undefined

  constructor(payload: Payload) {
    // It may be part of a greater buffer, which it would keep in memory.
    this.#payload = Buffer.from(payload)
  }

  /** In bytes. */
  get size(): number {
    return this.#payload.length
  }

  is(payload: Payload): boolean {
    return this.#payload.equals(payload)
  }

  /** @param session what `JSON.parse` makes of the payload */
  keep(session: SessionData): void {
    try {
      this.#session = copyJSON(session as unknown as JSONObject)
    } catch {
      // Nested too deeply for the stack, unlike that of JSON.parse: it is parsed each time.
    }
  }

  /** Of what is kept; nobody else has that, so that nobody can change it. */
  copy(): SessionData | undefined {
    return this.#session && (copyJSON(this.#session) as unknown as SessionData)
  }

  /** Takes another payload for the session, of the same size. */
  replace(payload: Payload): void {
    this.#payload.set(payload)
    this.#session = undefined
  }
}
