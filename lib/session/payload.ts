import type { SessionData } from 'express-session'
import { badArgument } from '../errors.ts'

/** What Redis holds of a session: bytes, which also wait more cheaply than text for an answer. */
export type Payload = Buffer

/** Turns sessions into text and back, like `JSON`. Both methods may be asynchronous. */
export interface Serializer {
  parse(text: string): SessionData | Promise<SessionData>
  stringify(session: SessionData): string | Promise<string>
}

/** What Redis holds under a key of the store is no session: it does not decode, or has no cookie. */
export class InvalidSessionError extends Error {
  override readonly name = 'InvalidSessionError'
}

/** Gives the payload, or a promise of it if the serializer is asynchronous. */
export function encode(serializer: Serializer, session: SessionData): Payload | Promise<Payload> {
  const text = serializer.stringify(session)
  return typeof text === 'string' ? Buffer.from(text) : Promise.resolve(text).then(fromText)
}

function fromText(text: string): Payload {
  if (typeof text !== 'string') throw badArgument('serializer.stringify', 'a string', text)
  return Buffer.from(text)
}

/** The payload in a reply of Redis. */
export function payloadOf(reply: unknown): Payload {
  return Buffer.isBuffer(reply) ? reply : Buffer.from(String(reply))
}

/**
 * Gives the session, or a promise of it if the serializer is asynchronous.
 * @param cookieless whether it may lack a cookie
 * @throws InvalidSessionError whose message shows nothing of the payload
 */
export function decode(
  serializer: Serializer,
  payload: Payload,
  cookieless = false,
): SessionData | Promise<SessionData> {
  let parsed: SessionData | Promise<SessionData>
  try {
    parsed = serializer.parse(payload.toString())
  } catch (error) {
    throw undecodable(error)
  }
  if (typeof (parsed as Promise<SessionData>)?.then !== 'function') {
    return checked(parsed as SessionData, cookieless)
  }
  return Promise.resolve(parsed).then(
    (session) => checked(session, cookieless),
    (error) => Promise.reject(undecodable(error)),
  )
}

/** Without the error's own message: that of a SyntaxError quotes the payload. */
function undecodable(error: unknown): InvalidSessionError {
  const kind = error instanceof Error ? error.name : typeof error
  return new InvalidSessionError(`The payload does not decode: serializer.parse threw a ${kind}`)
}

function checked(session: SessionData, cookieless: boolean): SessionData {
  if (!isObject(session)) throw new InvalidSessionError('The payload is not an object')
  if (!cookieless && !isObject(session.cookie)) {
    throw new InvalidSessionError('The payload has no cookie object')
  }
  return session
}

export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
