import type { Server } from '../faults/server.ts'
import { startCluster } from '../support/cluster.ts'
import { clusterKinds } from './clients.ts'
import { failOver, type Shard } from './failover.ts'
import { keyOn, shardOf } from './shards.ts'

describe('when a master of a cluster dies under load', () => {
  for (const kind of clusterKinds) {
    it(`nothing is lost that was replicated, over ${kind.name}`, async () => {
      const cluster = await startCluster(3, 1)
      const tested = await kind.connect(cluster)
      const shards = [0, 1, 2].map((i): Shard => {
        const [master, replica] = [cluster.nodes[i] as Server, cluster.nodes[i + 3] as Server]
        return { master, replica, key: keyOn(i, 'replicated') }
      })
      try {
        await failOver(tested, shards as [Shard], shardOf)
      } finally {
        tested.close()
        await cluster.stop()
      }
    })
  }
})
