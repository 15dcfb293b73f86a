import type { SessionData } from 'express-session'
import { badArgument } from '../errors.ts'

/** Seconds that a session lives: always, if a function; else where its cookie has no `expires`. */
export type Ttl = number | ((session: SessionData) => number)

/** In milliseconds since the epoch. Beyond it there are no dates. */
export const LAST_DATE_MS = 8.64e15

/**
 * When a session is to expire, in milliseconds since the epoch: by `ttl` if it is a function, else by
 * `cookie.expires` (or the `maxAge` of a plain object), else by `ttl`. Not in the future: it is over.
 * @throws TypeError if that is no date
 */
export function expiryOf(session: SessionData, ttl: Ttl): number {
  if (typeof ttl === 'function') {
    return fromNow('ttl(session)', 'a finite number of seconds', ttl(session), 1000)
  }
  const { expires, maxAge } = cookieOf(session)
  if (expires) {
    const date = new Date(expires).getTime()
    if (Number.isFinite(date)) return date
    throw badArgument('session.cookie.expires', 'a valid date', expires)
  }
  if (typeof maxAge === 'number') {
    return fromNow('session.cookie.maxAge', 'a finite number of milliseconds', maxAge, 1)
  }
  return fromNow('ttl', 'seconds until a date', ttl, 1000)
}

/** Whether a number of seconds from now is a date. */
export function isDateFromNow(seconds: number): boolean {
  return Math.abs(Date.now() + seconds * 1000) <= LAST_DATE_MS
}

function cookieOf(session: SessionData): Partial<SessionData['cookie']> {
  return session.cookie ?? {}
}

function fromNow(name: string, expected: string, value: number, unitMs: number): number {
  const isTime = typeof value === 'number' && isDateFromNow((value * unitMs) / 1000)
  if (!isTime) throw badArgument(name, expected, value)
  return Math.round(Date.now() + value * unitMs)
}
