import { Cluster } from 'ioredis'
import { createCluster } from 'redis'
import * as redis5 from 'redis5'
import { fromIoredis, fromNodeRedis } from '../../lib/index.ts'
import type { TestClient } from '../support/clients.ts'

export interface ClusterKind {
  readonly name: string
  connect(ports: number[]): Promise<TestClient>
}

/** What becomes of calls is what is tested. */
function ignore(): void {}

function nodeRedisKind(name: string, create: typeof createCluster): ClusterKind {
  return {
    name,
    async connect(ports) {
      const rootNodes = ports.map((port) => ({ url: `redis://127.0.0.1:${port}` }))
      const cluster = create({ rootNodes })
      // What cannot be answered any more is told as an error by the cluster, and by its nodes.
      cluster.on('error', ignore).on('node-error', ignore)
      await cluster.connect()
      return { client: fromNodeRedis(cluster), close: () => cluster.destroy() }
    },
  }
}

export const clusterKinds: ClusterKind[] = [
  nodeRedisKind('node-redis', createCluster),
  nodeRedisKind('node-redis 5', redis5.createCluster as unknown as typeof createCluster),
  {
    name: 'ioredis',
    async connect(ports) {
      const cluster = new Cluster(ports.map((port) => ({ host: '127.0.0.1', port })))
      cluster.on('error', ignore)
      return { client: fromIoredis(cluster), close: () => cluster.disconnect() }
    },
  },
]
