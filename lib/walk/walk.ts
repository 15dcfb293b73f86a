import { RedisError } from '../errors.ts'
import type { Command } from '../redis/client.ts'
import { get } from '../redis/commands.ts'
import type { Outcome } from '../redis/replies.ts'
import { type Key, type Scope, scanPages, scanUniquePages, sidOf } from './scan.ts'

/** Makes a session of what GET and PTTL gave, if it is one. */
type Load<T> = (sid: string, payload: Outcome, pttl: Outcome) => Promise<T | null>

/** Gives every session. */
export async function allSessions<T>(scope: Scope, load: Load<T>): Promise<T[]> {
  const sessions: T[] = []
  for await (const keys of scanUniquePages(scope)) {
    const commands = keys.flatMap((key) => get(key))
    const outcomes = await scope.calls.ask(scope.redis, commands)
    const page = keys.map((key, i) => {
      const [payload, pttl] = outcomes.slice(2 * i, 2 * i + 2) as [Outcome, Outcome]
      return load(sidOf(key, scope.prefix), payload, pttl)
    })
    for (const session of await Promise.all(page)) if (session !== null) sessions.push(session)
  }
  return sessions
}

/** Gives the number of sessions. */
export async function countSessions(scope: Scope): Promise<number> {
  let count = 0
  for await (const keys of scanUniquePages(scope)) count += keys.length
  return count
}

/** Gives the id of every session. */
export async function sessionIds(scope: Scope): Promise<string[]> {
  const ids: string[] = []
  for await (const keys of scanUniquePages(scope)) {
    for (const key of keys) ids.push(sidOf(key, scope.prefix))
  }
  return ids
}

/** Removes every session, page by page. */
export async function clearSessions(scope: Scope): Promise<void> {
  for await (const keys of scanPages(scope)) {
    const outcomes = await scope.calls.ask(scope.redis, keys.map(unlink))
    for (const outcome of outcomes) if (outcome instanceof RedisError) throw outcome
  }
}

function unlink(key: Key): Command {
  return ['UNLINK', key]
}
