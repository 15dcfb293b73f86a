import { isDeepStrictEqual } from 'node:util'
import type { SessionData } from 'express-session'
import { badArgument, isObject, SessionConflictError } from '../errors.ts'
import { type CookieData, cookieData, hasSameExpires, hasSameMaxAge } from '../session/cookie.ts'

/**
 * Decides what becomes of a session that two requests changed. All three are in their decoded form.
 * @param base the session as this request loaded it
 * @param theirs the session as it is in Redis now
 * @param ours the session as this request wants to write it
 */
export type Merge = (
  base: SessionData,
  theirs: SessionData,
  ours: SessionData,
) => SessionData | Promise<SessionData>

/** What `set` does where Redis no longer holds what the session was loaded from. */
export type OnConflict = 'merge' | 'overwrite' | 'reject' | Merge

/** What a touch moves in a cookie, and what @fastify/session notes there of its date. */
const NO_TIMES = { expires: undefined, originalMaxAge: undefined, originalExpires: undefined }

/** Each way of dealing with a conflict as a function. */
export function mergeBy(onConflict: OnConflict, sid: string): Merge {
  if (onConflict === 'merge') return mergeSessions
  return (base, theirs, ours) => {
    // Who changed nothing but the date disputes nothing.
    const isDispute = hasChanges(base, theirs) && hasChanges(base, ours)
    if (!isDispute) return mergeSessions(base, theirs, ours)
    if (onConflict === 'overwrite') return ours
    if (onConflict === 'reject') throw new SessionConflictError(sid)
    return mergeByUser(onConflict, base, theirs, ours)
  }
}

async function mergeByUser(
  onConflict: Merge,
  base: SessionData,
  theirs: SessionData,
  ours: SessionData,
): Promise<SessionData> {
  const merged = await onConflict(base, theirs, ours)
  if (isObject(merged?.cookie)) return merged
  throw badArgument('onConflict(base, theirs, ours)', 'a session with a cookie', merged)
}

/**
 * Merges by top-level attribute: what only one side changed, added or deleted is taken; where both
 * did, ours stands, since it comes later. The cookie is merged likewise, attribute by attribute.
 */
export function mergeSessions(
  base: SessionData,
  theirs: SessionData,
  ours: SessionData,
): SessionData {
  const merged = mergeAttributes(attributesOf(base), attributesOf(theirs), attributesOf(ours))
  put(merged, 'cookie', mergeCookies(cookieData(base), cookieData(theirs), cookieData(ours)))
  return merged as unknown as SessionData
}

/** Whether a request changed more than when the session expires. */
export function hasChanges(base: SessionData, ours: SessionData): boolean {
  const names = new Set([...Object.keys(base), ...Object.keys(ours)])
  names.delete('cookie')
  const [before, after] = [attributesOf(base), attributesOf(ours)]
  if ([...names].some((name) => !isSame(before[name], after[name]))) return true
  const [cookieBefore, cookie] = [cookieData(base), cookieData(ours)]
  const isSameCookie = isSame({ ...cookieBefore, ...NO_TIMES }, { ...cookie, ...NO_TIMES })
  return !isSameCookie || !hasSameMaxAge(cookieBefore, cookie)
}

/**
 * What a session has to be taken for as loaded from, where it may have been loaded or written as any
 * of `bases`: what differs from one of them may be a change of ours, and is counted as one.
 */
export function commonBase(bases: SessionData[], ours: SessionData): SessionData {
  const [first] = bases as [SessionData]
  if (bases.length === 1) return first
  const base = commonAttributes(bases.map(attributesOf), attributesOf(ours))
  put(base, 'cookie', commonAttributes(bases.map(cookieData), cookieData(ours)))
  return base as unknown as SessionData
}

function commonAttributes(bases: Readonly<Attributes>[], ours: Readonly<Attributes>): Attributes {
  const common: Attributes = {}
  for (const name of new Set(bases.flatMap(Object.keys))) {
    const differs = (base: Readonly<Attributes>) =>
      Object.hasOwn(base, name) !== Object.hasOwn(ours, name) || !isSame(base[name], ours[name])
    const base = bases.find(differs) ?? bases[0]
    if (base !== undefined && Object.hasOwn(base, name)) put(common, name, base[name])
  }
  return common
}

/**
 * When a cookie ends goes with its `originalMaxAge`: who changed that decides both. Else `expires` is
 * what a touch moves, and the later of two touches stands.
 */
function mergeCookies(base: CookieData, theirs: CookieData, ours: CookieData): CookieData {
  const merged = mergeAttributes(base, theirs, ours)
  const isOurs = !hasSameMaxAge(base, ours)
  const isTheirs = !isOurs && !hasSameMaxAge(base, theirs)
  const source = isOurs || (!isTheirs && !hasSameExpires(base, ours)) ? ours : theirs
  for (const name of ['originalMaxAge', 'expires']) {
    if (Object.hasOwn(source, name)) put(merged, name, source[name])
    else delete merged[name]
  }
  return merged
}

type Attributes = Record<string, unknown>

function mergeAttributes(
  base: Readonly<Attributes>,
  theirs: Readonly<Attributes>,
  ours: Readonly<Attributes>,
): Attributes {
  const merged: Attributes = { ...theirs }
  for (const name of Object.keys(ours)) {
    if (!Object.hasOwn(base, name) || !isSame(base[name], ours[name])) put(merged, name, ours[name])
  }
  for (const name of Object.keys(base)) {
    if (!Object.hasOwn(ours, name)) delete merged[name]
  }
  return merged
}

function attributesOf(session: SessionData): Attributes {
  return session as unknown as Attributes
}

function isSame(a: unknown, b: unknown): boolean {
  return a === b || isDeepStrictEqual(a, b)
}

/** Unlike an assignment, takes `__proto__` for a name like any other. */
function put(attributes: Attributes, name: string, value: unknown): void {
  const descriptor = { value, writable: true, enumerable: true, configurable: true }
  Object.defineProperty(attributes, name, descriptor)
}
