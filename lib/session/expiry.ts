import type { SessionData } from 'express-session'
import { isoDate } from './iso-date.ts'
import type { Payload } from './payload.ts'

/** Beyond it there are no dates. */
const LAST_DATE_MS = 8.64e15

/** A date as sessions have it: their own, or as it came out of JSON. */
export type Expires = Date | string | null | undefined

/**
 * The milliseconds that a key has left to live, from the reply of PTTL: `Infinity` if it does not
 * expire, or if nobody asked; 0 if it is gone.
 */
export function remainingLife(pttl = -1): number {
  return pttl === -1 ? Infinity : Math.max(pttl, 0)
}

/**
 * Gives a session the `cookie.expires` that Redis will really apply: `touch` moves the expiry of the
 * key but not the date in the payload, and with that one an active user's next `save` would destroy
 * the session. A cookie without `expires` stays without.
 * @param expiresAt when the key expires, in whole milliseconds since the epoch; `Infinity`: never
 */
export function correctExpires(session: SessionData, expiresAt: number): void {
  const { cookie } = session
  const stored: Expires = cookie?.expires
  if (!stored || expiresAt > LAST_DATE_MS) return
  const { originalMaxAge } = cookie
  const isText = typeof stored === 'string'
  cookie.expires = isText ? (isoDate(expiresAt) as unknown as Date) : new Date(expiresAt)
  // A real Cookie, from a serializer that revives it, counts its maxAge anew from `expires`.
  if (cookie.originalMaxAge !== originalMaxAge) cookie.originalMaxAge = originalMaxAge
}

/**
 * Whether two serialized forms of a session differ in nothing but `cookie.expires`. It is found by
 * the text of the date; a serializer that hides it (by encryption, say) makes this `false`.
 */
export function differOnlyInExpires(
  before: Payload,
  expiresBefore: Expires,
  after: Payload,
  expiresAfter: Expires,
): boolean {
  const { length } = before
  if (length !== after.length) return false
  const date = dateText(expiresBefore)
  const start = before.indexOf(date)
  if (start < 0) return false
  const end = start + date.length
  return (
    before.compare(after, end, length, end, length) === 0 &&
    before.compare(after, 0, start, 0, start) === 0 &&
    after.toString('latin1', start, end) === dateText(expiresAfter)
  )
}

function dateText(expires: Expires): string {
  return expires instanceof Date ? (expires.toJSON() ?? '') : String(expires ?? '')
}
