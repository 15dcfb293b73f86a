import type { SessionData } from 'express-session'
import { decode, encode, type Payload, type Serializer } from '../session/payload.ts'

/**
 * What Redis is to hold of a session, while writes are merged into it one after another. Many may be,
 * so it is decoded and encoded no more often than needed.
 */
export class Draft {
  readonly #serializer: Serializer
  readonly #sid: string
  /** Only while `#session` has no more in it. */
  #payload: Payload | undefined
  #session: SessionData | undefined

  constructor(serializer: Serializer, sid: string, held: Payload) {
    this.#serializer = serializer
    this.#sid = sid
    this.#payload = held
  }

  /** Whether it is this, as far as can be told without encoding it. */
  is(payload: Payload | null): boolean {
    return this.#payload === payload
  }

  replaceBy(payload: Payload): void {
    this.#payload = payload
    this.#session = undefined
  }

  change(session: SessionData): void {
    this.#session = session
    this.#payload = undefined
  }

  async session(): Promise<SessionData> {
    this.#session ??= await decode(this.#serializer, this.#payload as Payload)
    return this.#session
  }

  async payload(): Promise<Payload> {
    this.#payload ??= await encode(this.#serializer, this.#sid, this.#session as SessionData)
    return this.#payload
  }
}
