import type { SessionData } from 'express-session'
import { badArgument, isObject } from '../errors.ts'
import { carrySnapshot } from './snapshot.ts'

// biome-ignore lint/suspicious/noConfusingVoidType: most changes are functions that return nothing
type Changed = SessionData | undefined | void

/** Changes a session in place, or returns what to put in its place. */
export type Change = (session: SessionData) => Changed | Promise<Changed>

/**
 * Lets a function change a session, and gives the changed one, or a promise of it.
 * @throws TypeError if what the function returns is no session; and what it throws
 */
export function applyChange(
  change: Change,
  session: SessionData,
): SessionData | Promise<SessionData> {
  const changed = change(session)
  return changed instanceof Promise
    ? changed.then((result) => changedSession(session, result))
    : changedSession(session, changed)
}

function changedSession(session: SessionData, changed: Changed): SessionData {
  const result = changed ?? session
  if (!isObject(result?.cookie)) {
    throw badArgument('change(session)', 'a session with a cookie, or nothing', changed)
  }
  carrySnapshot(session, result)
  return result
}
