import type { SessionData } from 'express-session'
import { badArgument } from '../errors.ts'

/** Seconds that a session lives: always, if a function; else where its cookie has no `expires`. */
export type Ttl = number | ((session: SessionData) => number)

/**
 * The time to live of a session, in milliseconds: from `ttl` if it is a function, else from
 * `cookie.expires` (or the `maxAge` of a plain object), else from `ttl`. Zero or less: it is over.
 * @throws TypeError if that is no finite time
 */
export function timeToLive(session: SessionData, ttl: Ttl): number {
  if (typeof ttl === 'function') {
    return inMilliseconds('ttl(session)', 'a finite number of seconds', ttl(session), 1000)
  }
  const cookie: SessionData['cookie'] | undefined = session.cookie
  if (cookie?.expires) {
    const expires = new Date(cookie.expires).getTime()
    if (Number.isFinite(expires)) return expires - Date.now()
    throw badArgument('session.cookie.expires', 'a valid date', cookie.expires)
  }
  if (cookie?.maxAge != null) {
    return inMilliseconds('session.cookie.maxAge', 'milliseconds', cookie.maxAge, 1)
  }
  return Math.round(ttl * 1000)
}

function inMilliseconds(name: string, expected: string, value: number, unit: number): number {
  if (!Number.isFinite(value)) throw badArgument(name, expected, value)
  return Math.round(value * unit)
}
