import { badArgument } from '../errors.ts'
import type { Command, SolidisLike } from '../redis/client.ts'
import { WrappedClient } from './wrapped-client.ts'

/** What is needed of a client of node-redis, version 5 or later. */
export interface NodeRedisClient {
  sendCommand(args: Command, options?: object): Promise<unknown>
}

/** What is needed of a cluster of node-redis, version 5 or later. */
export interface NodeRedisCluster {
  readonly masters: readonly unknown[]
  nodeClient(master: never): unknown
  sendCommand(
    firstKey: Command[number] | undefined,
    isReadonly: boolean | undefined,
    args: Command,
    options?: object,
  ): Promise<unknown>
}

/** Bulk strings, which are `$` in RESP, as Buffers: a payload keeps its exact bytes. */
const AS_BUFFERS = { typeMapping: { ['$'.charCodeAt(0)]: Buffer } }

/**
 * Lets the store work through a client or cluster of node-redis, version 5 or later. The client stays
 * its owner's, to connect before and to close after.
 * @throws TypeError if it is no client of node-redis
 * @example
 * const client = await createClient().connect()
 * const store = new SolidisStore({ client: fromNodeRedis(client) })
 */
export function fromNodeRedis(client: NodeRedisClient | NodeRedisCluster): SolidisLike {
  if (typeof Object(client).sendCommand !== 'function') {
    throw badArgument('client', 'a client or cluster of node-redis', client)
  }
  return 'masters' in client ? wrapCluster(client) : wrapClient(client)
}

function wrapClient(client: NodeRedisClient): SolidisLike {
  return new WrappedClient((command) => client.sendCommand(command, AS_BUFFERS))
}

function wrapCluster(cluster: NodeRedisCluster): SolidisLike {
  return new WrappedClient(
    (command) => cluster.sendCommand(keyOf(command), false, command, AS_BUFFERS),
    async () => {
      const clients = await Promise.all(cluster.masters.map((m) => cluster.nodeClient(m as never)))
      return clients.map((client) => wrapClient(client as NodeRedisClient))
    },
  )
}

/** A script stands before its key, with the number of its keys. */
function keyOf(command: Command): Command[number] | undefined {
  return command[0] === 'EVALSHA' || command[0] === 'EVAL' ? command[3] : command[1]
}
