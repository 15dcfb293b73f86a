import type { SessionData } from 'express-session'
import { badArgument } from './errors.ts'

/** A session as Redis holds it: the bytes that were read, or the text that was written. */
export type Payload = Buffer | string

/** Turns sessions into text and back, like `JSON`. Both methods may be asynchronous. */
export interface Serializer {
  parse(text: string): SessionData | Promise<SessionData>
  stringify(session: SessionData): string | Promise<string>
}

/** What Redis holds under a key of the store is no session: it does not decode, or has no cookie. */
export class InvalidSessionError extends Error {
  override readonly name = 'InvalidSessionError'
}

/** @param name what to call the session in an error */
export async function encode(
  serializer: Serializer,
  session: SessionData,
  name = 'session',
): Promise<string> {
  if (!isObject(session)) throw badArgument(name, 'a session', session)
  const text = await serializer.stringify(session)
  if (typeof text !== 'string') throw badArgument('serializer.stringify', 'a string', text)
  return text
}

/**
 * @param cookieless whether it may lack a cookie
 * @throws InvalidSessionError whose message shows nothing of the payload
 */
export async function decode(
  serializer: Serializer,
  payload: Payload,
  cookieless = false,
): Promise<SessionData> {
  let session: SessionData
  try {
    session = await serializer.parse(payload.toString())
  } catch (error) {
    // The message of a SyntaxError quotes the payload.
    const kind = error instanceof Error ? error.name : typeof error
    throw new InvalidSessionError(`The payload does not decode: serializer.parse threw a ${kind}`)
  }
  if (!isObject(session)) throw new InvalidSessionError('The payload is not an object')
  if (!cookieless && !isObject(session.cookie)) {
    throw new InvalidSessionError('The payload has no cookie object')
  }
  return session
}

export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

export function samePayload(a: Payload, b: Payload): boolean {
  return a === b || Buffer.from(a as string).equals(Buffer.from(b as string))
}
