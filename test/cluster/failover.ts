import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { SolidisStore } from '../../lib/index.ts'
import { Counts, NOTHING_BROKEN, report } from '../faults/counts.ts'
import { Load } from '../faults/load.ts'
import type { Server } from '../faults/server.ts'
import type { TestClient } from '../support/clients.ts'
import { eventually } from '../support/eventually.ts'
import { data } from '../support/requests.ts'

export const TIMEOUT_MS = 500
const REPLICATED_WITHIN_MS = '1000'

/** What has keys of its own: a master, and the replica that takes its place when it is gone. */
export interface Shard {
  readonly master: Server
  readonly replica: Server
  /** A key that it has. */
  readonly key: string
}

/**
 * Puts a load on a store, kills the master of the first shard meanwhile, and holds what comes of it
 * against what callers were told.
 * @param shardOf gives the number of the shard that has a key
 * @param isReplaced whether clients can know of the new master
 */
export async function failOver(
  { client }: TestClient,
  shards: readonly [Shard, ...Shard[]],
  shardOf: (key: string) => number,
  isReplaced = () => isMaster(shards[0].replica),
): Promise<void> {
  const store = new SolidisStore({ client, timeout: TIMEOUT_MS })
  const masters = shards.map(({ master }) => master)
  let killedAt = Number.POSITIVE_INFINITY
  /** Whether it has reached a replica, or is where no master dies any more. */
  async function isKept(sid: string, beganAt: number): Promise<boolean> {
    if (beganAt > killedAt) return true
    const { master, key } = shards[shardOf(store.prefix + sid)] as Shard
    // What was written before it has been replicated with it.
    const asked = [master.ask('SET', key, ''), master.ask('WAIT', '1', REPLICATED_WITHIN_MS)]
    const [, count] = await Promise.all(asked).catch(() => [])
    return count === 1
  }
  const counts = new Counts()
  const load = new Load(store, counts, false, isKept)
  const [{ master, replica }] = shards

  const sids = Array.from({ length: 60 }, (_, i) => `kept${i}`)
  const [kept, destroyed] = [sids.slice(0, 30), sids.slice(30)]
  await Promise.all(sids.map((sid) => store.set(sid, data({ sid }))))
  await Promise.all(destroyed.map((sid) => store.destroy(sid)))
  for (const sid of sids) expect(await isKept(sid, 0)).to.equal(true)
  for (const { key } of shards) await masters[shardOf(key)]?.ask('DEL', key)

  const ofFirst = kept.find((sid) => shardOf(store.prefix + sid) === 0) as string
  load.start()
  try {
    await sleep(500)
    killedAt = performance.now()
    await master.kill()
    await eventually(isReplaced, 20_000)
    masters[0] = replica
    const promotedAt = performance.now()
    await eventually(() => store.exists(ofFirst).catch(() => false), 10_000)
    counts.backAfterMs = performance.now() - promotedAt
    await sleep(500)
  } finally {
    await load.stop(2 * TIMEOUT_MS + 1000)
  }
  report([['a dead master', '', counts]])

  await load.audit((key) => (masters[shardOf(key)] as Server).ask('GET', key))
  expect(counts.broken).to.deep.equal(NOTHING_BROKEN)
  await eventually(async () => store.state === 'closed')
  for (const sid of kept) expect(await store.get(sid)).to.include({ sid })
  for (const sid of destroyed) expect(await store.get(sid)).to.equal(null)

  for (const [i, { key }] of shards.entries()) await masters[i]?.ask('DEL', key)
  const keys = (await Promise.all(masters.map((each) => each.ask('KEYS', '*')))) as string[][]
  const there = keys.flat().map((key) => key.slice(store.prefix.length))
  expect(there).to.include.members(kept)
  expect((await store.ids()).sort()).to.deep.equal(there.sort())
  expect(await store.length()).to.equal(there.length)
  expect((await store.all()).map(({ id }) => id).sort()).to.deep.equal(there)
  await store.clear()
  for (const each of masters) expect(await each.ask('DBSIZE')).to.equal(0)
}

/** Who is being promoted hangs up. */
async function isMaster(server: Server): Promise<boolean> {
  return String(await server.ask('ROLE').catch(() => '')).startsWith('master')
}
