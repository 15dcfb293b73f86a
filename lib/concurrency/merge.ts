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
export function mergeAttributes(
  base: SessionData,
  theirs: SessionData,
  ours: SessionData,
): SessionData {
  const before = base as unknown as Attributes
  const after = ours as unknown as Attributes
  const merged: Attributes = { ...theirs }
  for (const name of Object.keys(after)) {
    if (name === 'cookie') continue
    if (!Object.hasOwn(before, name) || !isSame(before[name], after[name])) {
      put(merged, name, after[name])
    }
  }
  for (const name of Object.keys(before)) {
    if (!Object.hasOwn(after, name)) delete merged[name]
  }
  put(merged, 'cookie', ours.cookie)
  return merged as unknown as SessionData
}

type Attributes = Record<string, unknown>

function isSame(a: unknown, b: unknown): boolean {
  return a === b || isDeepStrictEqual(a, b)
}

/** Unlike an assignment, takes `__proto__` for a name like any other. */
function put(attributes: Attributes, name: string, value: unknown): void {
  const descriptor = { value, writable: true, enumerable: true, configurable: true }
  Object.defineProperty(attributes, name, descriptor)
}
