import type { SessionData } from 'express-session'
import { badArgument } from '../errors.ts'
import { decode, encode, isObject, type Payload, type Serializer } from '../session/payload.ts'
import { type Merge, mergeAttributes } from './merge.ts'

/**
 * What Redis is to hold, while the forms of one session are merged into it, one after another. Many
 * may be merged at once, so it is decoded and encoded no more often than needed.
 */
export class MergedPayload {
  readonly #serializer: Serializer
  /** Only while `#session` has more in it. */
  #payload: Payload | undefined
  #session: SessionData | undefined
  #base: { payload: Payload; session: SessionData } | undefined

  constructor(serializer: Serializer, held: Payload) {
    this.#serializer = serializer
    this.#payload = held
  }

  /** Whether it is this, as far as can be told without encoding it. */
  is(payload: Payload): boolean {
    return this.#payload?.equals(payload) ?? false
  }

  replace(payload: Payload): void {
    this.#payload = payload
    this.#session = undefined
  }

  /** Merges by attribute what has become of `base`. */
  async merge(base: Payload, ours: Payload): Promise<void> {
    const before = await this.#decodeBase(base)
    const theirs = this.#session ?? (await this.#decode(await this.encoded()))
    this.#session = mergeAttributes(before, theirs, await this.#decode(ours))
    this.#payload = undefined
  }

  /** Lets a function of the user's decide what becomes of it. */
  async mergeBy(decide: Merge, base: Payload, ours: Payload): Promise<void> {
    // Decoded anew each time, since the function may change all three.
    const theirs = await this.#decode(await this.encoded())
    const merged = await decide(await this.#decode(base), theirs, await this.#decode(ours))
    if (!isObject(merged?.cookie)) {
      throw badArgument('onConflict(base, theirs, ours)', 'a session with a cookie', merged)
    }
    this.replace(await encode(this.#serializer, merged))
  }

  async encoded(): Promise<Payload> {
    this.#payload ??= await encode(this.#serializer, this.#session as SessionData)
    return this.#payload
  }

  async #decodeBase(payload: Payload): Promise<SessionData> {
    // Requests at the same time have mostly loaded the same.
    if (!this.#base?.payload.equals(payload)) {
      this.#base = { payload, session: await this.#decode(payload) }
    }
    return this.#base.session
  }

  async #decode(payload: Payload): Promise<SessionData> {
    return decode(this.#serializer, payload)
  }
}
