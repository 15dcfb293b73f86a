import { RedisError } from '../errors.ts'
import type { Calls } from '../redis/calls.ts'
import type { Reply } from '../redis/client.ts'
import { escapeGlob } from '../redis/glob.ts'
import type { Redis } from '../redis/redis.ts'

/** The sessions of a store. */
export interface Scope {
  readonly redis: Redis
  readonly prefix: string
  /** The COUNT hint of SCAN, about the number of keys in a page. */
  readonly scanCount: number
  /** By which each step is bounded. */
  readonly calls: Calls
}

/** A key as Redis has it; it may be no UTF-8. */
export type Key = string | Buffer

/** Yields the keys of the sessions, page by page as SCAN gives them: a key may come twice. */
export async function* scanPages(scope: Scope): AsyncGenerator<Key[]> {
  const { redis, prefix, scanCount, calls } = scope
  const pattern = `${escapeGlob(prefix)}*`
  for (const node of await redis.nodes()) {
    let cursor = '0'
    do {
      const command = ['SCAN', cursor, 'MATCH', pattern, 'COUNT', String(scanCount)]
      const [page] = await calls.ask(node, [command])
      if (page instanceof RedisError) throw page
      const [next, keys] = page as [Reply, Key[]]
      cursor = String(next)
      if (keys.length > 0) yield keys
    } while (cursor !== '0')
  }
}

/** Yields the keys of the sessions, page by page, each once. */
export async function* scanUniquePages(scope: Scope): AsyncGenerator<Key[]> {
  const seen = new Set<string>()
  for await (const keys of scanPages(scope)) {
    const page = keys.filter((key) => {
      // Unlike UTF-8, latin1 tells all bytes apart.
      const text = typeof key === 'string' ? key : key.toString('latin1')
      return seen.size < seen.add(text).size
    })
    if (page.length > 0) yield page
  }
}

/** The session id in a key. */
export function sidOf(key: Key, prefix: string): string {
  return String(key).slice(prefix.length)
}
