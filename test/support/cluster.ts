import { createClient } from 'redis'
import { freePort, startRedis } from '../../scripts/redis-server.js'
import { eventually } from './eventually.ts'

/** Starts a cluster of two masters, which is up about two seconds later: Redis waits so long. */
export async function startCluster() {
  const servers = [
    { bus: await freePort(), range: ['0', '8191'] },
    { bus: await freePort(), range: ['8192', '16383'] },
  ]
  const nodes = await Promise.all(
    servers.map(async ({ bus, range }) => {
      const options = ['--save', '', '--cluster-enabled', 'yes', '--cluster-port', String(bus)]
      const server = await startRedis(undefined, options)
      const client = await createClient({ url: server.url }).connect()
      await client.sendCommand(['CLUSTER', 'ADDSLOTSRANGE', ...range])
      return { ...server, bus, client }
    }),
  )
  const [first, second] = nodes as [(typeof nodes)[0], (typeof nodes)[0]]
  await first.client.sendCommand([
    'CLUSTER',
    'MEET',
    '127.0.0.1',
    String(second.port),
    String(second.bus),
  ])
  await eventually(async () => {
    const states = await Promise.all(
      nodes.map(({ client }) => client.sendCommand(['CLUSTER', 'INFO'])),
    )
    return states.every((state) => /cluster_state:ok.*cluster_known_nodes:2/s.test(String(state)))
  })
  for (const { client } of nodes) client.destroy()
  return {
    ports: nodes.map(({ port }) => port),
    stop: async () => {
      await Promise.all(nodes.map((node) => node.stop()))
    },
  }
}
