import { expect } from 'chai'
import { slotOf } from '../../lib/clients/slot.ts'
import { SolidisStore } from '../../lib/index.ts'
import { Counts, NOTHING_BROKEN } from '../faults/counts.ts'
import { Load } from '../faults/load.ts'
import type { Server } from '../faults/server.ts'
import { startCluster } from '../support/cluster.ts'
import { eventually } from '../support/eventually.ts'
import { data } from '../support/requests.ts'
import { clusterKinds } from './clients.ts'
import { shardOf } from './shards.ts'

const KEYS_AT_A_TIME = '3'

describe('when a slot moves to another node of a cluster under load', () => {
  let cluster: Awaited<ReturnType<typeof startCluster>>
  before(async () => {
    cluster = await startCluster(3)
  })
  after(() => cluster.stop())

  for (const kind of clusterKinds) {
    it(`nothing is lost, over ${kind.name}`, async () => {
      const tested = await kind.connect(cluster)
      // All sessions are in one slot.
      const prefix = `{${kind.name}}:`
      const store = new SolidisStore({ client: tested.client, prefix, timeout: 1000 })
      const counts = new Counts()
      const load = new Load(store, counts)
      const slot = String(slotOf(prefix))
      const home = cluster.nodes[shardOf(prefix)] as Server
      const others = cluster.nodes.filter((node) => node !== home)
      try {
        const sids = Array.from({ length: 50 }, (_, i) => String(i))
        await Promise.all(sids.map((sid) => store.set(sid, data({ sid }))))
        load.start()
        let from = home
        for (const to of [...others, home]) {
          await move(slot, from, to)
          from = to
        }
        await load.stop(3000)
        await load.audit((key) => home.ask('GET', key))
        expect(counts.broken).to.deep.equal(NOTHING_BROKEN)
        expect(counts.failed).to.deep.equal({})
        for (const sid of sids) expect(await store.get(sid)).to.include({ sid })
        const keys = (await home.ask('KEYS', '*')) as string[]
        expect((await store.ids()).sort()).to.deep.equal(
          keys.map((key) => key.slice(prefix.length)).sort(),
        )
        expect(store.state).to.equal('closed')
        await store.clear()
        expect(await home.ask('DBSIZE')).to.equal(0)
      } finally {
        await load.stop(3000)
        tested.close()
      }
    })
  }

  /** Moves a slot as `redis-cli --cluster reshard` does, so slowly that calls meet it. */
  async function move(slot: string, from: Server, to: Server): Promise<void> {
    const [source, target] = (await Promise.all(
      [from, to].map((node) => node.ask('CLUSTER', 'MYID')),
    )) as [string, string]
    // The one that is to have it has not run the scripts.
    await to.ask('SCRIPT', 'FLUSH')
    await to.ask('CLUSTER', 'SETSLOT', slot, 'IMPORTING', source)
    await from.ask('CLUSTER', 'SETSLOT', slot, 'MIGRATING', target)
    const asked = await redirectionsOf(from, 'ASK')
    for (;;) {
      const keys = (await from.ask(
        ...['CLUSTER', 'GETKEYSINSLOT', slot, KEYS_AT_A_TIME],
      )) as string[]
      const place = ['127.0.0.1', String(to.port), '', '0', '1000', 'KEYS']
      if (keys.length > 0) await from.ask('MIGRATE', ...place, ...keys)
      else if ((await redirectionsOf(from, 'ASK')) > asked) break
    }
    const moved = await redirectionsOf(from, 'MOVED')
    for (const node of [to, from, ...cluster.nodes]) {
      await node.ask('CLUSTER', 'SETSLOT', slot, 'NODE', target)
    }
    await eventually(async () => (await redirectionsOf(from, 'MOVED')) > moved)
  }

  async function redirectionsOf(node: Server, code: string): Promise<number> {
    const stats = String(await node.ask('INFO', 'errorstats'))
    return Number(new RegExp(`errorstat_${code}:count=(\\d+)`).exec(stats)?.[1] ?? 0)
  }
})
