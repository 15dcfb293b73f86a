import { Cluster, Redis } from 'ioredis'
import { createCluster, createSentinel } from 'redis'
import * as redis5 from 'redis5'
import { fromIoredis, fromNodeRedis } from '../../lib/index.ts'
import type { TestClient } from '../support/clients.ts'
import type { startCluster } from '../support/cluster.ts'
import type { startSentinel } from '../support/sentinel.ts'

export interface Credentials {
  readonly username?: string
  readonly password?: string
}

/** A client that knows more than one server. */
export interface KindOf<Servers> {
  readonly name: string
  connect(servers: Servers, credentials?: Credentials): Promise<TestClient>
}

export type ClusterKind = KindOf<Pick<Awaited<ReturnType<typeof startCluster>>, 'ports'>>
export type SentinelKind = KindOf<Pick<Awaited<ReturnType<typeof startSentinel>>, 'name' | 'nodes'>>

/** What becomes of calls is what is tested. */
function ignore(): void {}

function nodeRedisCluster(name: string, create: typeof createCluster): ClusterKind {
  return {
    name,
    async connect({ ports }, defaults = {}) {
      const rootNodes = ports.map((port) => ({ url: `redis://127.0.0.1:${port}` }))
      const cluster = create({ rootNodes, defaults })
      cluster.on('error', ignore).on('node-error', ignore)
      await cluster.connect()
      return { client: fromNodeRedis(cluster), close: () => cluster.destroy() }
    },
  }
}

function nodeRedisSentinel(name: string, create: typeof createSentinel): SentinelKind {
  return {
    name,
    async connect({ name, nodes }, nodeClientOptions = {}) {
      const sentinel = create({ name, sentinelRootNodes: nodes, nodeClientOptions })
      sentinel.on('error', ignore).on('client-error', ignore)
      await sentinel.connect()
      return { client: fromNodeRedis(sentinel), close: () => void sentinel.destroy() }
    },
  }
}

export const clusterKinds: ClusterKind[] = [
  nodeRedisCluster('node-redis', createCluster),
  nodeRedisCluster('node-redis 5', redis5.createCluster as unknown as typeof createCluster),
  {
    name: 'ioredis',
    async connect({ ports }, redisOptions = {}) {
      const nodes = ports.map((port) => ({ host: '127.0.0.1', port }))
      const cluster = new Cluster(nodes, { redisOptions }).on('error', ignore)
      return { client: fromIoredis(cluster), close: () => cluster.disconnect() }
    },
  },
]

export const sentinelKinds: SentinelKind[] = [
  nodeRedisSentinel('node-redis', createSentinel),
  nodeRedisSentinel('node-redis 5', redis5.createSentinel as unknown as typeof createSentinel),
  {
    name: 'ioredis',
    async connect({ name, nodes }, credentials = {}) {
      const client = new Redis({ sentinels: nodes, name, ...credentials }).on('error', ignore)
      return { client: fromIoredis(client), close: () => client.disconnect() }
    },
  },
]
