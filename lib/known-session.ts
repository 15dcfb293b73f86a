import type { SessionData } from 'express-session'
import {
  copyJSON,
  hasToJSON,
  isSameJSON,
  type JSONObject,
  type JSONValue,
  memberOf,
  viaJSON,
} from './json.ts'
import { isObject, type Payload } from './payload.ts'

/**
 * A session as it was last read or written: a payload and what it decodes to. It gives out nothing
 * but copies, so that nobody can change it.
 */
export class KnownSession {
  #payload: Payload
  readonly #session: JSONObject
  readonly #names: string[]
  /** The members of its JSON text, as far as they have been needed. */
  readonly #members: (string | undefined)[] = []
  #isEncoding = false

  /** @param session what `JSON.parse` made of the payload */
  constructor(payload: Payload, session: SessionData) {
    // The payload may be part of a greater buffer, which it would keep in memory.
    this.#payload = Buffer.from(payload)
    this.#session = copyJSON(session as unknown as JSONObject)
    this.#names = Object.keys(this.#session)
  }

  /** In bytes. */
  get size(): number {
    return this.#payload.length
  }

  /** What a payload decodes to, if it is the known one. */
  decode(payload: Payload): SessionData | undefined {
    if (!this.#payload.equals(payload)) return undefined
    return copyJSON(this.#session) as unknown as SessionData
  }

  /**
   * What `JSON.stringify` makes of the session as it is now, which is known from then on. It gives
   * up, with `undefined`, where there are other attributes than before, or in another order.
   */
  encode(session: SessionData): Payload | undefined {
    // A toJSON method of the user's may do anything, even write the session that it is called for.
    if (this.#isEncoding || hasToJSON(session) || !isObject(session.cookie)) return undefined
    this.#isEncoding = true
    try {
      return this.#encode(session as unknown as Record<string, unknown>)
    } finally {
      this.#isEncoding = false
    }
  }

  #encode(attributes: Record<string, unknown>): Payload | undefined {
    const names = Object.keys(attributes)
    if (names.length !== this.#names.length) return undefined
    const members: string[] = []
    const changed: [index: number, value: JSONValue][] = []
    for (let i = 0; i < names.length; i++) {
      const name = names[i] as string
      const known = this.#session[name] as JSONValue
      if (name !== this.#names[i] || name === '__proto__') return undefined
      const value = attributes[name]
      const isSame = isSameJSON(value, known)
      const member = (isSame && this.#members[i]) || memberOf(name, value)
      if (member === '') return undefined
      members.push(member)
      if (isSame) this.#members[i] = member
      else changed.push([i, viaJSON(name, value, member)])
    }
    for (const [i, value] of changed) {
      this.#members[i] = members[i]
      this.#session[names[i] as string] = value
    }
    const payload = Buffer.from(`{${members.join(',')}}`)
    if (payload.length === this.#payload.length) this.#payload.set(payload)
    else this.#payload = Buffer.from(payload)
    return payload
  }
}
