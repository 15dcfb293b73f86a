import type { SessionData } from 'express-session'
import { LAST_DATE_MS } from './ttl.ts'

/**
 * When a key expires, in milliseconds since the epoch, from the reply of PTTL: `Infinity` if it does
 * not expire; 0 if it is gone.
 */
export function expiresAt(pttl: number): number {
  if (pttl === -1) return Infinity
  return pttl > 0 ? Date.now() + pttl : 0
}

/**
 * Gives a session the `cookie.expires` that Redis will really apply: `touch` moves the expiry of the
 * key but not the date in the payload, and with that one an active user's next `save` would destroy
 * the session. A cookie without `expires` stays without.
 */
export function correctExpires(session: SessionData, expiresAtMs: number): void {
  const { cookie } = session
  if (!cookie?.expires || expiresAtMs > LAST_DATE_MS) return
  const { originalMaxAge } = cookie
  cookie.expires = new Date(expiresAtMs)
  // A real Cookie, from a serializer that revives it, counts its maxAge anew from `expires`.
  if (cookie.originalMaxAge !== originalMaxAge) cookie.originalMaxAge = originalMaxAge
}
