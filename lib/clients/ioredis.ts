import { badArgument } from '../errors.ts'
import type { Command, SolidisLike } from '../redis/client.ts'
import { WrappedClient } from './wrapped-client.ts'

/** What is needed of a client of ioredis, version 5 or later. */
export interface IoredisClient {
  callBuffer(command: string, args: Command): Promise<unknown>
}

/** What is needed of a cluster of ioredis, version 5 or later. */
export interface IoredisCluster extends IoredisClient {
  readonly isCluster: true
  nodes(role: 'master'): IoredisClient[]
}

/**
 * Lets the store work through a client or cluster of ioredis, version 5 or later. The client stays
 * its owner's, to close after.
 * @throws TypeError if it is no client of ioredis
 * @example
 * const store = new SolidisStore({ client: fromIoredis(new Redis()) })
 */
export function fromIoredis(client: IoredisClient | IoredisCluster): SolidisLike {
  if (typeof Object(client).callBuffer !== 'function') {
    throw badArgument('client', 'a client or cluster of ioredis', client)
  }
  return 'nodes' in client
    ? new WrappedClient(sender(client), async () => client.nodes('master').map(fromIoredis))
    : new WrappedClient(sender(client))
}

function sender(client: IoredisClient) {
  return ([name, ...args]: Command) => client.callBuffer(String(name), args).catch(forgetCommand)
}

/** The errors of ioredis carry the command with all its arguments, which must reach no log. */
function forgetCommand(error: { command?: unknown }): never {
  delete error.command
  throw error
}
