import type { Redis } from '../redis/redis.ts'

/**
 * Yields the keys that begin with a prefix, page by page as SCAN gives them: a key may come twice.
 * @param count the COUNT hint of SCAN, about the number of keys in a page
 */
export function scanPages(redis: Redis, prefix: string, count: number): AsyncGenerator<string[]> {
  return redis.scan(`${escapeGlob(prefix)}*`, count)
}

/** Yields the keys that begin with a prefix, page by page, each once. */
export async function* scanUniquePages(
  redis: Redis,
  prefix: string,
  count: number,
): AsyncGenerator<string[]> {
  const seen = new Set<string>()
  for await (const keys of scanPages(redis, prefix, count)) {
    const page: string[] = []
    for (const key of keys) {
      if (seen.has(key)) continue
      seen.add(key)
      page.push(key)
    }
    if (page.length > 0) yield page
  }
}

/** Makes every character stand for itself in a pattern of Redis. */
function escapeGlob(text: string): string {
  return text.replace(/[*?[\]\\^-]/g, '\\$&')
}
