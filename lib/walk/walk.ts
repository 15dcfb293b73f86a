import { setImmediate as turn } from 'node:timers/promises'
import type { Key } from '../redis/commands.ts'
import type { Outcome } from '../redis/replies.ts'
import { telling, unlessAborted, type WalkOptions } from './options.ts'
import { keyPages, type Scope, sidOf } from './scan.ts'
import { AllSeen, RecentlySeen, type Seen } from './seen.ts'

/**
 * So many sessions are made in one turn of the event loop, which others need too: what V8 has to do
 * to collect garbage grows with them.
 */
const LOADED_A_TURN = 100

/** Makes a session of what GET and PTTL gave, if it is one. */
export type Load<T> = (sid: string, payload: Outcome, pttl: Outcome) => T | null | Promise<T | null>

/** Gives every session. */
export async function allSessions<T>(
  scope: Scope,
  load: Load<T>,
  options?: WalkOptions,
): Promise<T[]> {
  const sessions: T[] = []
  for await (const page of sessionPages(scope, load, options, new AllSeen())) sessions.push(...page)
  return sessions
}

/** Yields every session. Where the loop is left, nothing more is sent. */
export async function* eachSession<T>(scope: Scope, load: Load<T>): AsyncGenerator<T> {
  for await (const page of sessionPages(scope, load)) yield* page
}

/** Gives the number of sessions. */
export async function countSessions(scope: Scope, options?: WalkOptions): Promise<number> {
  let count = 0
  for await (const keys of keyPages(scope, options)) count += keys.length
  return count
}

/** Gives the id of every session. */
export async function sessionIds(scope: Scope, options?: WalkOptions): Promise<string[]> {
  const ids: string[] = []
  for await (const keys of keyPages(scope, options, new AllSeen())) {
    for (const key of keys) ids.push(sidOf(key, scope.prefix))
  }
  return ids
}

/** Removes every session, page by page. */
export async function clearSessions(scope: Scope, options: WalkOptions = {}): Promise<void> {
  const { redis, calls } = scope
  for await (const keys of keyPages(scope, options)) {
    await unlessAborted(options.signal, () =>
      calls.step<void>('UNLINK', (done) => redis.unlinkMany(keys, done)),
    )
  }
}

/** Yields every session, as many as SCAN gives at a time. */
export function sessionPages<T>(
  scope: Scope,
  load: Load<T>,
  { signal, onProgress }: WalkOptions = {},
  seen: Seen = new RecentlySeen(),
): AsyncGenerator<T[]> {
  return telling(loadedPages(scope, load, signal, seen), onProgress)
}

async function* loadedPages<T>(
  scope: Scope,
  load: Load<T>,
  signal: AbortSignal | undefined,
  seen: Seen,
): AsyncGenerator<T[]> {
  for await (const { keys, outcomes } of payloadPages(scope, signal, seen)) {
    const sessions: T[] = []
    for (let start = 0; start < keys.length; start += LOADED_A_TURN) {
      await turn()
      const loading = keys.slice(start, start + LOADED_A_TURN).map((key, i) => {
        const at = 2 * (start + i)
        return load(sidOf(key, scope.prefix), outcomes[at] as Outcome, outcomes[at + 1] as Outcome)
      })
      for (const session of await unlessAborted(signal, () => Promise.all(loading))) {
        if (session !== null) sessions.push(session)
      }
    }
    yield sessions
  }
}

interface PayloadPage {
  readonly keys: Key[]
  /** A payload and the remaining milliseconds for each key. */
  readonly outcomes: Outcome[]
}

/** Reads one page ahead, so that Redis has something to do while this process makes sessions. */
async function* payloadPages(
  scope: Scope,
  signal: AbortSignal | undefined,
  seen: Seen,
): AsyncGenerator<PayloadPage> {
  let current: Promise<PayloadPage> | undefined
  for await (const keys of keyPages(scope, { signal }, seen)) {
    const next = readPage(scope, keys, signal)
    if (current !== undefined) yield await current
    current = next
  }
  if (current !== undefined) yield await current
}

function readPage(
  { redis, calls }: Scope,
  keys: Key[],
  signal: AbortSignal | undefined,
): Promise<PayloadPage> {
  const page = unlessAborted(signal, async () => {
    const outcomes = await calls.step<Outcome[]>('GET', (done) => redis.getMany(keys, done))
    return { keys, outcomes }
  })
  // Nobody waits for it any more where the walk has ended meanwhile.
  page.catch(() => {})
  return page
}
