import { type ClientKind, clientKinds, nodeRedisKind, type TestClient } from '../support/clients.ts'
import { startCluster } from '../support/cluster.ts'
import { startSentinel } from '../support/sentinel.ts'
import { type ClusterKind, type Credentials, clusterKinds, sentinelKinds } from './clients.ts'

let cluster: Awaited<ReturnType<typeof startCluster>>
let sentinel: Awaited<ReturnType<typeof startSentinel>>

before(async () => {
  ;[cluster, sentinel] = await Promise.all([startCluster(3, 1), startSentinel(1, 3)])
})
after(() => Promise.all([cluster.stop(), sentinel.stop()]))

// What runs over each client on one server, runs here over each on several.
clientKinds.splice(
  0,
  Number.POSITIVE_INFINITY,
  ...clusterKinds.map(({ name, connect }): ClientKind => {
    const connectTo = (url?: string) => connect(cluster, credentialsOf(url))
    return {
      name: `a cluster of ${name}`,
      connect: connectTo,
      connectDirectly: () => (clusterKinds[0] as ClusterKind).connect(cluster),
      connectToNothing: () => emptied(connectTo, cluster.nodes.slice(0, 3)),
    }
  }),
  ...sentinelKinds.map(({ name, connect }): ClientKind => {
    const connectTo = (url?: string) => connect(sentinel, credentialsOf(url))
    return {
      name: `a sentinel of ${name}`,
      connect: connectTo,
      connectDirectly: () => nodeRedisKind.connect(sentinel.master.url),
      connectToNothing: () => emptied(connectTo, [sentinel.master]),
    }
  }),
)
await import('../contract.test.ts')
await import('../concurrency/over-each-client.test.ts')
await import('../owners/find.test.ts')

function credentialsOf(url?: string): Credentials {
  if (url === undefined) return {}
  const { username, password } = new URL(url)
  return { username, password }
}

async function emptied(
  connect: () => Promise<TestClient>,
  masters: { ask(...command: string[]): Promise<unknown> }[],
): Promise<TestClient> {
  for (const master of masters) await master.ask('FLUSHALL')
  return connect()
}
