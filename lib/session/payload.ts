import type { SessionData } from 'express-session'
import { badArgument, InvalidSessionError, isObject } from '../errors.ts'
import { ForeignPayloadError, Sealing, type SealingOptions } from './sealing.ts'
import { checkSize } from './size.ts'
import { createdAtIn, isTagOf, newTag, TAG } from './tag.ts'

/** What Redis holds of a session. */
export type Payload = string

/** Turns sessions into text and back, like `JSON`. Both methods may be asynchronous. */
export interface Serializer {
  parse(text: string): SessionData | Promise<SessionData>
  stringify(session: SessionData): string | Promise<string>
}

export interface CodecOptions extends SealingOptions {
  readonly serializer: Serializer
  /** Whether what has no tag is no session. */
  readonly requireTag: boolean
}

/**
 * Turns sessions into payloads and back: serialized, each with the tag that says whose it is, and then
 * compressed and encrypted, where that is asked for.
 */
export class Codec {
  readonly #options: CodecOptions
  readonly #sealing: Sealing
  readonly #createdAt = new WeakMap<SessionData, number>()

  constructor(options: CodecOptions) {
    this.#options = options
    this.#sealing = new Sealing(options)
  }

  /**
   * Gives the payload, or a promise of it if the serializer is asynchronous.
   * @param createdAt when the session was created, in milliseconds since the epoch, if that is kept
   * @throws PayloadTooLargeError if it has more than `maxPayload` bytes
   */
  encode(sid: string, session: SessionData, createdAt?: number): Payload | Promise<Payload> {
    const tag = newTag(sid, createdAt)
    const { serializer } = this.#options
    const tagged: SessionData & { [TAG]: string } = { ...session, [TAG]: tag }
    const text = serializer.stringify(tagged)
    if (typeof text === 'string') return this.#seal(sid, session, text)
    return Promise.resolve(text).then((text) => this.#seal(sid, session, checkedText(text)))
  }

  /** Whether it is encrypted by the current secret. */
  isCurrent(payload: Payload): boolean {
    return this.#sealing.isCurrent(payload)
  }

  /** Gives the same session, encrypted by the current secret, and compressed as it is. */
  reseal(sid: string, payload: Payload): Payload {
    return this.#sealing.reseal(sid, payload)
  }

  /**
   * Gives the session, or a promise of it if the serializer is asynchronous.
   * @throws ForeignPayloadError if it is that of another session, or does not decrypt
   * @throws InvalidSessionError whose message shows nothing of the payload
   */
  decode(sid: string, payload: Payload): SessionData | Promise<SessionData> {
    const text = this.#sealing.open(sid, payload)
    let parsed: SessionData | Promise<SessionData>
    try {
      parsed = this.#options.serializer.parse(text)
    } catch (error) {
      throw undecodable(error)
    }
    if (typeof (parsed as Promise<SessionData>)?.then !== 'function') {
      return this.#checked(sid, parsed as SessionData)
    }
    return Promise.resolve(parsed).then(
      (session) => this.#checked(sid, session),
      (error) => Promise.reject(undecodable(error)),
    )
  }

  /** When a session was created that was decoded here, if its payload says so. */
  createdAtOf(session: SessionData): number | undefined {
    return this.#createdAt.get(session)
  }

  #seal(sid: string, session: SessionData, text: string): Payload {
    checkSize(session, text, this.#options.maxPayload)
    return this.#sealing.seal(sid, text)
  }

  #checked(sid: string, session: SessionData): SessionData {
    if (!isObject(session)) throw new InvalidSessionError('The payload is not an object')
    const attributes = session as Partial<SessionData> & { [TAG]?: unknown }
    const tag = attributes[TAG]
    if (tag !== undefined) {
      if (!isTagOf(sid, tag)) throw new ForeignPayloadError(ofAnother())
      const createdAt = createdAtIn(tag)
      if (createdAt !== undefined) this.#createdAt.set(session, createdAt)
      // V8 takes back the attribute that came last without making the object slow.
      delete attributes[TAG]
    } else if (this.#options.requireTag) {
      throw new InvalidSessionError('The payload has no tag')
    }
    // What a store wrote without a cookie is its caller's mistake, of which express-session complains.
    const isOurs = tag !== undefined && attributes.cookie === undefined
    if (isObject(attributes.cookie) || isOurs) return session
    throw new InvalidSessionError('The payload has no cookie object')
  }
}

/** The payload in a reply of Redis: a copy, lest it keep a client's whole buffer in memory. */
export function payloadOf(reply: unknown): Payload {
  return String(reply)
}

function ofAnother(): InvalidSessionError {
  return new InvalidSessionError('The payload is that of another session')
}

function checkedText(text: unknown): string {
  if (typeof text !== 'string') throw badArgument('serializer.stringify', 'a string', text)
  return text
}

/** Without the error's own message: that of a SyntaxError quotes the payload. */
function undecodable(error: unknown): InvalidSessionError {
  const kind = error instanceof Error ? error.name : typeof error
  return new InvalidSessionError(`The payload does not decode: serializer.parse threw a ${kind}`)
}
