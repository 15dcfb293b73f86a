import type { SolidisStore } from 'connect-solidis'
import type { Client } from './store.ts'

/** So many keys SCAN looks at at a time. */
const SCANNED = 1000

/** A client for each server that has keys of its own. */
export async function nodesOf(client: Client): Promise<Client[]> {
  return (await client.nodes?.()) ?? [client]
}

/** Asks for one reply; what Redis refuses is an `Error`. */
export async function ask(client: Client, ...command: string[]): Promise<unknown> {
  const [[reply] = []] = await client.send([command])
  return reply
}

/** Gives the ids of the first sessions that SCAN comes to, at most so many, readable or not. */
export async function firstIds(
  { client, prefix }: SolidisStore,
  most: number,
  signal: AbortSignal,
): Promise<string[]> {
  const ids = new Set<string>()
  const pattern = `${prefix.replace(/[*?[\]\\^-]/g, '\\$&')}*`
  for (const node of await nodesOf(client)) {
    let cursor = '0'
    do {
      signal.throwIfAborted()
      const reply = await ask(node, 'SCAN', cursor, 'MATCH', pattern, 'COUNT', String(SCANNED))
      if (reply instanceof Error) throw reply
      const [next, keys] = reply as [cursor: unknown, keys: unknown[]]
      for (const key of keys) ids.add(String(key).slice(prefix.length))
      cursor = String(next)
    } while (cursor !== '0' && ids.size < most)
  }
  return [...ids].slice(0, most)
}

/**
 * When sessions end: what their keys say, since a session without a date in its cookie ends, too. `null`
 * is never, and `undefined` is not known.
 */
export async function expiriesOf(
  { client, prefix }: SolidisStore,
  sids: readonly string[],
): Promise<(Date | null | undefined)[]> {
  if (sids.length === 0) return []
  const replies = await client.send(sids.map((sid) => ['PTTL', prefix + sid]))
  return replies.map(([pttl]) => {
    const leftMs = Number(pttl)
    if (leftMs === -1) return null
    return leftMs >= 0 ? new Date(Date.now() + leftMs) : undefined
  })
}
