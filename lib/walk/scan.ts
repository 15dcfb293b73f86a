import { setImmediate as turn } from 'node:timers/promises'
import { RedisError } from '../errors.ts'
import type { Calls } from '../redis/calls.ts'
import type { Reply } from '../redis/client.ts'
import type { Key } from '../redis/commands.ts'
import { escapeGlob } from '../redis/glob.ts'
import type { Redis } from '../redis/redis.ts'
import { telling, unlessAborted, type WalkOptions } from './options.ts'
import { RecentlySeen, type Seen } from './seen.ts'

/** The sessions of a store. */
export interface Scope {
  readonly redis: Redis
  readonly prefix: string
  /** The COUNT hint of SCAN, about the number of keys in a page. */
  readonly scanCount: number
  /** By which each step is bounded. */
  readonly calls: Calls
}

/** So many keys make a page at most, whatever SCAN gives at once: each is worked on in one go. */
const MAX_PAGE = 1000

/**
 * Yields the keys of the sessions, page by page, and tells of the progress when a page has been used.
 *
 * Each key that is there from the beginning to the end comes. It comes once, but for a few while a
 * server shrinks its table (see `RecentlySeen`), and those of a slot that a cluster moves meanwhile,
 * which may come twice or, as SCAN is of one server, not at all.
 * @param seen what is to be remembered of the keys
 */
export function keyPages(
  scope: Scope,
  { signal, onProgress }: WalkOptions = {},
  seen: Seen = new RecentlySeen(),
): AsyncGenerator<Key[]> {
  return telling(uniquePages(scope, signal, seen), onProgress)
}

/** The session id in a key. */
export function sidOf(key: Key, prefix: string): string {
  return String(key).slice(prefix.length)
}

async function* uniquePages(
  scope: Scope,
  signal: AbortSignal | undefined,
  seen: Seen,
): AsyncGenerator<Key[]> {
  for await (const keys of scanPages(scope, signal)) {
    const page = keys.filter((key) => seen.add(identityOf(key)))
    for (let i = 0; i < page.length; i += MAX_PAGE) yield page.slice(i, i + MAX_PAGE)
  }
}

/** Yields what SCAN gives. The next page is asked for before this one is used, to be there in time. */
async function* scanPages(scope: Scope, signal: AbortSignal | undefined): AsyncGenerator<Key[]> {
  for (const node of await unlessAborted(signal, () => scope.redis.nodes())) {
    let cursor = '0'
    let next = scan(scope, node, cursor, signal)
    do {
      const [nextCursor, keys] = await next
      cursor = String(nextCursor)
      if (cursor !== '0') next = scan(scope, node, cursor, signal)
      // Others have their turn; and the next page is on its way, not to be sent once the walk has ended.
      await turn()
      yield keys.map(asText)
    } while (cursor !== '0')
  }
}

function scan(
  { prefix, scanCount, calls }: Scope,
  node: Redis,
  cursor: string,
  signal: AbortSignal | undefined,
): Promise<[Reply, Key[]]> {
  const pattern = `${escapeGlob(prefix)}*`
  const command = ['SCAN', cursor, 'MATCH', pattern, 'COUNT', String(scanCount)]
  const page = unlessAborted(signal, async () => {
    const [outcome] = await calls.ask(node, [command])
    if (outcome instanceof RedisError) throw outcome
    return outcome as [Reply, Key[]]
  })
  // Nobody waits for it any more where the walk has ended meanwhile.
  page.catch(() => {})
  return page
}

/** A key that is no UTF-8 stays bytes, or it would be another. */
function asText(key: Key): Key {
  const text = String(key)
  return text.includes('\ufffd') ? key : text
}

/** Unlike UTF-8, latin1 tells all bytes apart. */
function identityOf(key: Key): string {
  return typeof key === 'string' ? key : `\ufffd${key.toString('latin1')}`
}
