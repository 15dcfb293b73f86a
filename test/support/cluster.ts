import { freePort } from '../../scripts/redis-server.js'
import { Server } from '../faults/server.ts'
import { eventually } from './eventually.ts'
import { isInSync } from './sentinel.ts'

const SLOTS = 16384
/** After so long without an answer, a node is taken for dead, and a replica for its master. */
const NODE_TIMEOUT_MS = 1000

/** A node of a cluster, and where the others reach it. */
interface Node extends Server {
  readonly bus: number
}

/**
 * Starts a cluster, which is up about two seconds later: Redis waits so long.
 * @param replicas how many each master has
 */
export async function startCluster(masters = 2, replicas = 0) {
  const nodes = await Promise.all(Array.from({ length: masters * (1 + replicas) }, startNode))
  const [first] = nodes as [Node]
  await Promise.all(
    nodes.map(async (node, i) => {
      await node.ask('CLUSTER', 'SET-CONFIG-EPOCH', String(i + 1))
      if (i < masters) await node.ask('CLUSTER', 'ADDSLOTSRANGE', ...rangeOf(i, masters))
    }),
  )
  for (const { port, bus } of nodes.slice(1)) {
    await first.ask('CLUSTER', 'MEET', '127.0.0.1', String(port), String(bus))
  }
  await allSee(nodes, (info) => info.includes(`cluster_known_nodes:${nodes.length}`))
  for (const [i, node] of nodes.entries()) {
    if (i < masters) continue
    const master = nodes[i % masters] as Node
    const id = String(await master.ask('CLUSTER', 'MYID'))
    await eventually(async () => isOk(node.ask('CLUSTER', 'REPLICATE', id)))
  }
  await allSee(nodes, (info) => info.includes('cluster_state:ok'))
  await Promise.all(nodes.slice(masters).map(isInSync))
  return {
    ports: nodes.map(({ port }) => port),
    /** First the masters, then a replica of each, and so on. */
    nodes: nodes as Server[],
    stop: async () => {
      await Promise.all(nodes.map((node) => node.stop()))
    },
  }
}

async function startNode(): Promise<Node> {
  const bus = await freePort()
  const options = [
    ...['--cluster-enabled', 'yes', '--cluster-port', String(bus)],
    ...['--cluster-node-timeout', String(NODE_TIMEOUT_MS), '--repl-diskless-sync-delay', '0'],
  ]
  return Object.assign(await Server.start(false, options), { bus })
}

function rangeOf(index: number, masters: number): [string, string] {
  const start = (i: number) => Math.ceil((i * SLOTS) / masters)
  return [String(start(index)), String(start(index + 1) - 1)]
}

async function allSee(nodes: Node[], isSo: (info: string) => boolean): Promise<void> {
  for (const node of nodes) {
    await eventually(async () => isSo(String(await node.ask('CLUSTER', 'INFO'))))
  }
}

function isOk(reply: Promise<unknown>): Promise<boolean> {
  return reply.then(
    () => true,
    () => false,
  )
}
