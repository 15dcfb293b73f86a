import { isDeepStrictEqual } from 'node:util'
import type { SessionData } from 'express-session'

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

/**
 * Merges by top-level attribute: what only one side changed, added or deleted is taken; where both
 * did, ours stands, since it comes later. The cookie is always ours.
 */
export const mergeAttributes: Merge = (base, theirs, ours) => {
  // Maps, because an attribute may be called `__proto__`.
  const before = new Map(Object.entries(base))
  const after = new Map(Object.entries(ours))
  const merged = new Map(Object.entries(theirs))
  for (const name of new Set([...before.keys(), ...after.keys()])) {
    const kept = before.has(name) === after.has(name)
    if (kept && isDeepStrictEqual(before.get(name), after.get(name))) continue
    if (after.has(name)) merged.set(name, after.get(name))
    else merged.delete(name)
  }
  merged.set('cookie', ours.cookie)
  return Object.fromEntries(merged) as unknown as SessionData
}
