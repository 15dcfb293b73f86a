import type { SessionData } from 'express-session'
import { isObject } from '../errors.ts'

/** The attributes of a cookie. */
export type CookieData = Readonly<Record<string, unknown>>

/** Setting `maxAge` reads the clock twice, and may lose so many milliseconds in between. */
const JITTER_MS = 100

const ATTRIBUTES = ['path', 'domain', 'httpOnly', 'secure', 'sameSite', 'priority', 'partitioned']

/** A copy of the attributes of a session's cookie, as they are now. */
export function cookieData(session: SessionData): CookieData {
  const cookie: unknown = session.cookie
  if (!isObject(cookie)) return {}
  // A Cookie of express-session or @fastify/session has accessors, which a copy would not have.
  const { toJSON } = cookie as { toJSON?: () => CookieData }
  return typeof toJSON === 'function' ? toJSON.call(cookie) : { ...cookie }
}

/** Milliseconds since the epoch; `undefined` where the cookie has no date. */
export function dateOf(expires: unknown): number | undefined {
  if (expires === undefined || expires === null || expires === false) return undefined
  return expires instanceof Date ? expires.getTime() : new Date(String(expires)).getTime()
}

/** Whether two cookies live equally long from a touch on. */
export function hasSameMaxAge(a: CookieData, b: CookieData): boolean {
  const { originalMaxAge: one } = a
  const { originalMaxAge: other } = b
  if (typeof one === 'number' && typeof other === 'number')
    return Math.abs(one - other) <= JITTER_MS
  return typeof one !== 'number' && typeof other !== 'number'
}

/** Whether two cookies end at the same time. */
export function hasSameExpires(a: CookieData, b: CookieData): boolean {
  return dateOf(a.expires) === dateOf(b.expires)
}

/** Whether a session ends when another cookie lets it, now and after each touch. */
export function endsLike(a: CookieData, b: CookieData): boolean {
  return hasSameExpires(a, b) && hasSameMaxAge(a, b)
}

/** Whether two cookies differ in nothing but what a touch moves. */
export function isSameButForExpires(a: CookieData, b: CookieData): boolean {
  return hasSameMaxAge(a, b) && ATTRIBUTES.every((name) => a[name] === b[name])
}
