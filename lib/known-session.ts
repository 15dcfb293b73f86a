import type { SessionData } from 'express-session'
import { copyJSON, hasToJSON, isSameJSON, type JSONObject, memberOf, viaJSON } from './json.ts'
import { isObject, type Payload } from './payload.ts'

/** The bytes from which on a session is worth more work: below, JSON is as fast. Measured. */
const LARGE = 2048

/**
 * A session as it was last read or written: a payload and, if that is likely to be of use, what it
 * decodes to. It gives out nothing but copies, so that nobody can change it.
 */
export class KnownSession {
  /** The size that `RecentSessions` counted of it. */
  accounted = 0
  #payload: Payload = Buffer.alloc(0)
  #session: JSONObject | undefined
  #names: string[] = []
  /** The members of its JSON text, as far as they have been needed. */
  #members: (string | undefined)[] = []
  #isEncoding = false

  constructor(payload: Payload, session: SessionData) {
    this.learn(payload, session)
  }

  /** In bytes. */
  get size(): number {
    return this.#payload.length
  }

  /**
   * Remembers a payload that was read, and what `JSON.parse` made of it where it is large, or read
   * for the second time: one that changes from request to request will not come again.
   */
  learn(payload: Payload, session: SessionData): void {
    const isWorthIt = payload.length >= LARGE || this.#payload.equals(payload)
    this.#session = isWorthIt ? copyJSON(session as unknown as JSONObject) : undefined
    this.#names = isWorthIt ? Object.keys(session) : []
    this.#members = []
    this.#keep(payload)
  }

  /** What a payload decodes to, if that is known. */
  decode(payload: Payload): SessionData | undefined {
    if (this.#session === undefined || !this.#payload.equals(payload)) return undefined
    return copyJSON(this.#session) as unknown as SessionData
  }

  /**
   * What `JSON.stringify` makes of the session as it is now, which is known from then on. It gives
   * up, with `undefined`, where that is not worth it, or where there are other attributes than before.
   */
  encode(session: SessionData): Payload | undefined {
    const isWorthIt = this.#session !== undefined && this.#payload.length >= LARGE
    // A toJSON method of the user's may do anything, even write the session that it is called for.
    if (!isWorthIt || this.#isEncoding || hasToJSON(session)) return undefined
    this.#isEncoding = true
    try {
      return this.#encode(this.#session as JSONObject, session as unknown as JSONObject)
    } finally {
      this.#isEncoding = false
    }
  }

  #encode(known: JSONObject, attributes: Record<string, unknown>): Payload | undefined {
    const names = Object.keys(attributes)
    if (names.length !== this.#names.length || !isObject(attributes.cookie)) return undefined
    const members: string[] = []
    const changed: JSONObject = {}
    for (let i = 0; i < names.length; i++) {
      const name = names[i] as string
      if (name !== this.#names[i] || name === '__proto__') return undefined
      const value = attributes[name]
      const isSame = isSameJSON(value, known[name])
      const member = (isSame && this.#members[i]) || memberOf(name, value)
      if (member === '') return undefined
      members.push(member)
      if (!isSame) changed[name] = viaJSON(name, value, member)
    }
    Object.assign(known, changed)
    this.#members = members
    const payload = Buffer.from(`{${members.join(',')}}`)
    this.#keep(payload)
    return payload
  }

  /** Copies it, for it may be part of a greater buffer, which it would hold in memory. */
  #keep(payload: Payload): void {
    if (payload.length === this.#payload.length) this.#payload.set(payload)
    else this.#payload = Buffer.from(payload)
  }
}
