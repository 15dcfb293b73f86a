import type { Client, OperatorStore } from './store.ts'

/** A client for each server that has keys of its own. */
export async function nodesOf(client: Client): Promise<Client[]> {
  return (await client.nodes?.()) ?? [client]
}

/** Asks for one reply; what Redis refuses is an `Error`. */
export async function ask(client: Client, ...command: string[]): Promise<unknown> {
  const [[reply] = []] = await client.send([command])
  return reply
}

/**
 * When sessions end: what their keys say, since a session without a date in its cookie ends, too. `null`
 * is never, and `undefined` is not known.
 */
export async function expiriesOf(
  { client, prefix }: OperatorStore,
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
