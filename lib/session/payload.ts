import type { SessionData } from 'express-session'
import { badArgument, InvalidSessionError, isObject } from '../errors.ts'
import { newTag, TAG } from './tag.ts'

/** What Redis holds of a session. */
export type Payload = string

/** Turns sessions into text and back, like `JSON`. Both methods may be asynchronous. */
export interface Serializer {
  parse(text: string): SessionData | Promise<SessionData>
  stringify(session: SessionData): string | Promise<string>
}

/** Gives the payload, or a promise of it if the serializer is asynchronous. */
export function encode(
  serializer: Serializer,
  sid: string,
  session: SessionData,
): Payload | Promise<Payload> {
  const tag = newTag(sid)
  if (serializer === JSON) return appendTag(JSON.stringify(session), tag)
  const tagged: SessionData & { [TAG]: string } = { ...session, [TAG]: tag }
  const text = serializer.stringify(tagged)
  return typeof text === 'string' ? text : Promise.resolve(text).then(checkedText)
}

/** The same as stringifying a tagged copy, which would take half as long again. */
function appendTag(json: string, tag: string): Payload {
  return json.length > 2 ? `${json.slice(0, -1)},"${TAG}":"${tag}"}` : `{"${TAG}":"${tag}"}`
}

function checkedText(text: unknown): Payload {
  if (typeof text !== 'string') throw badArgument('serializer.stringify', 'a string', text)
  return text
}

/** The payload in a reply of Redis. A copy of it, lest it keep a client's whole buffer in memory. */
export function payloadOf(reply: unknown): Payload {
  return String(reply)
}

/**
 * Gives the session, or a promise of it if the serializer is asynchronous.
 * @throws InvalidSessionError whose message shows nothing of the payload
 */
export function decode(
  serializer: Serializer,
  payload: Payload,
): SessionData | Promise<SessionData> {
  let parsed: SessionData | Promise<SessionData>
  try {
    parsed = serializer.parse(payload)
  } catch (error) {
    throw undecodable(error)
  }
  if (typeof (parsed as Promise<SessionData>)?.then !== 'function') {
    return checked(parsed as SessionData)
  }
  return Promise.resolve(parsed).then(checked, (error) => Promise.reject(undecodable(error)))
}

/** Without the error's own message: that of a SyntaxError quotes the payload. */
function undecodable(error: unknown): InvalidSessionError {
  const kind = error instanceof Error ? error.name : typeof error
  return new InvalidSessionError(`The payload does not decode: serializer.parse threw a ${kind}`)
}

function checked(session: SessionData): SessionData {
  if (!isObject(session)) throw new InvalidSessionError('The payload is not an object')
  const attributes = session as Partial<SessionData> & { [TAG]?: unknown }
  const isOurs = attributes[TAG] !== undefined
  // V8 takes back the attribute that came last without making the object slow.
  if (isOurs) delete attributes[TAG]
  // What this store wrote without a cookie is its caller's mistake, of which express-session complains.
  if (!isObject(attributes.cookie) && !(isOurs && attributes.cookie === undefined)) {
    throw new InvalidSessionError('The payload has no cookie object')
  }
  return session
}
