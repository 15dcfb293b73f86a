import type { Command, SolidisLike } from '../redis/client.ts'
import { keyIndexOf, keyOf } from '../redis/commands.ts'
import { connectionsOf } from './connections.ts'
import { errorReply, type Failures } from './failure.ts'
import { checkGiven } from './given.ts'
import { slotOf } from './slot.ts'
import { type Abilities, mastersOf, prefixText, prepend, wrap } from './wrap.ts'

/** What is needed of a client of node-redis, or of a pool of them, version 5 or later. */
export interface NodeRedisClient {
  /** Whether a command is sent at once; a pool does not say. */
  readonly isReady?: boolean
  sendCommand(args: Command, options?: object): Promise<unknown>
  connect?(): Promise<unknown>
  destroy?(): unknown
}

/** What is needed of a master of a cluster of node-redis. */
export interface NodeRedisMaster {
  readonly address: string
  /** There is none before it is needed. */
  readonly client?: NodeRedisClient | undefined
}

/** What is needed of a cluster of node-redis, version 5 or later. */
export interface NodeRedisCluster {
  readonly masters: readonly NodeRedisMaster[]
  /** Empty where the cluster is not connected; each by its number. */
  readonly slots: readonly { readonly master: NodeRedisMaster }[]
  nodeClient(master: never): unknown
  on?(event: 'node-reconnecting', listener: () => void): unknown
  sendCommand(
    firstKey: Command[number] | undefined,
    isReadonly: boolean | undefined,
    args: Command,
    options?: object,
  ): Promise<unknown>
}

/** What is needed of a client of node-redis that finds its server by Sentinel, version 5 or later. */
export interface NodeRedisSentinel {
  readonly isReady?: boolean
  getMasterNode(): unknown
  sendCommand(isReadonly: boolean | undefined, args: Command, options?: object): Promise<unknown>
}

/** Takes the place of what the user has set: text and numbers, in RESP 2 and 3. */
const AS_TEXT = { typeMapping: {} }
/**
 * The same, without the time limit of version 6, which bounds how long a command may wait to be sent,
 * but makes an `AbortSignal` for each: five times the cost of a command that need not wait.
 */
const AS_TEXT_AT_ONCE = { ...AS_TEXT, timeout: undefined }
/** Bulk strings, which are `$` in RESP, as Buffers. */
const AS_BUFFERS = { typeMapping: { ['$'.charCodeAt(0)]: Buffer } }

/** Of versions 5 and 6. Error replies, of class `ErrorReply`, are none of these. */
const FAILURES: Failures = [
  // Nothing was sent.
  [/^The client is (closed|offline)/, 'ENOTCONN'], // offline: with disableOfflineQueue
  [/^All the root nodes are unavailable/, 'ENOTCONN'], // a cluster
  [/^Cannot read properties of undefined/, 'ENOTCONN', 'The cluster is not connected'], // 5
  [/^(None of the sentinels|no valid master)/, 'ENOTCONN'],
  [/^The queue is full/, 'ENOBUFS'], // commandsQueueMaxLength
  [/^Timeout waiting for a client/, 'ETIMEDOUT'], // acquireTimeout of a pool
  [/^$/, 'ETIMEDOUT', 'The command could not be sent in time'], // timeout: in 6 five seconds
  [/^Command timeout during maintenance/, 'ETIMEDOUT'],
  [/^The command was aborted/, 'ECANCELED'], // abortSignal
  [/^Cannot find node/, 'EHOSTUNREACH'], // a cluster was redirected
  [/^Too many Cluster redirections/, 'ELOOP'], // 6; 5 gives the last reply
  // The command may have been carried out.
  [/^Socket closed unexpectedly/, 'ECONNRESET'],
  [/^Disconnects client/, 'ECONNRESET'], // destroy()
  [/^Socket timeout/, 'ETIMEDOUT'], // socketTimeout
  [/^Connection timeout/, 'ETIMEDOUT'], // connectTimeout
]

/**
 * Lets the store work through a client, pool, cluster or sentinel of node-redis, version 5 or later.
 * It stays its owner's, to connect before and to close after. A `keyPrefix` of its own is kept to.
 * @throws TypeError if it is none of these
 * @example
 * const client = await createClient().connect()
 * const store = new SolidisStore({ client: fromNodeRedis(client) })
 */
export function fromNodeRedis(
  client: NodeRedisClient | NodeRedisCluster | NodeRedisSentinel,
): SolidisLike {
  checkGiven(client, 'node-redis')
  const keyPrefix = keyPrefixOf(client)
  if ('masters' in client) return wrapCluster(client, keyPrefix)
  const count = connectionsOf(client)
  if ('getMasterNode' in client) {
    // Reads go to the master, too: a replica may not have heard of a logout yet.
    return wrapSender(
      keyPrefix,
      (command, options) => client.sendCommand(false, command, atOnce(client, options)),
      { count },
    )
  }
  return wrapSender(
    keyPrefix,
    (command, options) => client.sendCommand(command, atOnce(client, options)),
    { count, reconnect: () => reconnect(client) },
  )
}

/**
 * Makes a client begin anew, which has no other way to: it tells its owner of an `'end'`, and then that
 * it is `'ready'` again. Its subscriptions come with it. One that is connecting already is left alone,
 * or it would do so twice at once.
 */
function reconnect(client: NodeRedisClient): void {
  if (client.isReady !== true || !client.destroy || !client.connect) return
  client.destroy()
  // It tells its owner by its own events.
  client.connect().catch(() => {})
}

/** Spares a command the time limit that need not wait. */
function atOnce(client: { readonly isReady?: boolean }, options: object): object {
  return options === AS_TEXT && client.isReady ? AS_TEXT_AT_ONCE : options
}

function wrapCluster(cluster: NodeRedisCluster, keyPrefix: string): SolidisLike {
  rediscoverSoon(cluster)
  const nodes = async () => {
    const masters = await mastersOf(wrapped, () => cluster.masters)
    return masters.map((master) =>
      wrapSender(keyPrefix, async (command, options) => {
        const node = (await cluster.nodeClient(master as never)) as NodeRedisClient
        return node.sendCommand(command, options)
      }),
    )
  }
  const wrapped = wrapSender(
    keyPrefix,
    (command, options) => cluster.sendCommand(keyOf(command), false, command, options),
    {
      count: connectionsOf(cluster),
      nodes,
      nodeOf: (key) => cluster.slots[slotOf(prepend(keyPrefix, key))]?.master.address,
      reconnect: (address) => {
        for (const master of cluster.masters) {
          const isMeant = address === undefined || address === master.address
          if (isMeant && master.client) reconnect(master.client)
        }
      },
      rediscover: () => rediscover(cluster),
    },
  )
  return wrapped
}

const rediscovering = new WeakSet<NodeRedisCluster>()

/** Lets a cluster that has lost a node find out who has taken its place. */
function rediscoverSoon(cluster: NodeRedisCluster): void {
  if (rediscovering.has(cluster)) return
  rediscovering.add(cluster)
  cluster.on?.('node-reconnecting', () => rediscover(cluster))
}

/**
 * Finds out who has taken the place of a master, which a cluster does by itself after five seconds in
 * version 6, and never in version 5, nor where the old one is frozen.
 */
function rediscover(cluster: NodeRedisCluster): void {
  const { _slots } = cluster as { _slots?: { rediscover?(from: unknown): Promise<void> } }
  // It asks one node, and while that does not answer, it asks no other.
  const answering = cluster.masters.map(async ({ client }) => {
    if (!client?.isReady) throw new Error('not connected')
    await client.sendCommand(['ECHO', ''])
    return client
  })
  Promise.any(answering)
    .then((client) => _slots?.rediscover?.(client))
    .catch(() => {})
}

function wrapSender(
  keyPrefix: string,
  send: (command: Command, options: object) => Promise<unknown>,
  abilities: Abilities = {},
): SolidisLike {
  const prefixed =
    keyPrefix === ''
      ? (command: Command) => command
      : (command: Command) => withPrefix(keyPrefix, command)
  return wrap(
    {
      keyPrefix,
      text: (command) => send(prefixed(command), AS_TEXT),
      bytes: (command) => send(prefixed(command), AS_BUFFERS),
      errorReply: (error) => errorReply(error, FAILURES),
    },
    abilities,
  )
}

/**
 * What the user has all keys begin with, which `sendCommand` ignores. Version 6 keeps it in one place
 * in clients, pools, clusters and sentinels.
 */
function keyPrefixOf(client: object): string {
  if ('_keyPrefix' in client) return prefixText(client._keyPrefix)
  const { options, _options } = client as Record<string, unknown>
  if (!Object(options ?? _options).keyPrefix) return ''
  throw new TypeError(
    "client: this version of node-redis has no keyPrefix: leave it out, and write prefix: 'app:sess:'",
  )
}

function withPrefix(prefix: string, command: Command): Command {
  const first = keyIndexOf(command)
  if (first === -1) return command
  const end = first + keyCountOf(command)
  return command.map((arg, i) => (i >= first && i < end ? prepend(prefix, arg) : arg))
}

function keyCountOf(command: Command): number {
  switch (command[0]) {
    case 'EVALSHA':
    case 'EVAL':
      return Number(command[2])
    case 'UNLINK':
      return command.length - 1
    default:
      return 1
  }
}
