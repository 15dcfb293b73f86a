import type { Command, SolidisLike } from '../redis/client.ts'
import { connectionsOf } from './connections.ts'
import { errorReply, type Failures } from './failure.ts'
import { checkGiven } from './given.ts'
import { slotOf } from './slot.ts'
import { mastersOf, prefixText, prepend, type Wrapped, wrap } from './wrap.ts'

/** What is needed of a client of ioredis, version 5 or later, besides a method for each command. */
export interface IoredisClient {
  call(command: string, args: Command): Promise<unknown>
  readonly options: object
  /** Its socket, where it has one. */
  readonly stream?: IoredisStream
}

export interface IoredisStream {
  destroy(): unknown
  cork?(): void
  uncork?(): void
}

/** What is needed of a cluster of ioredis, version 5 or later. */
export interface IoredisCluster extends IoredisClient {
  readonly isCluster: true
  /** By the number of each, the addresses of its master and of the replicas. */
  readonly slots: readonly (readonly string[])[]
  nodes(role: 'master'): IoredisClient[]
  refreshSlotsCache(callback: (error?: Error) => void): void
}

/** So often, at most, sentinels are asked who is the master. */
const MIN_INTERVAL_MS = 1000

/** Of versions 5 and 6. Error replies, of class `ReplyError`, are none of these. */
const FAILURES: Failures = [
  // Nothing was sent.
  [/^Stream isn't writeable/, 'ENOTCONN'], // enableOfflineQueue: false
  [/^Cluster isn't ready/, 'ENOTCONN'], // the same
  [/^Cluster is ended/, 'ENOTCONN'],
  [/^None of startup nodes is available/, 'ENOTCONN'],
  [/^Failed to refresh slots cache/, 'ENOTCONN'],
  [/^All sentinels are unreachable/, 'ENOTCONN'],
  [/^Connection (in subscriber|is in monitoring) mode/, 'EBUSY'],
  [/^Too many Cluster redirections/, 'ELOOP'],
  // The command may have been carried out, or may still be.
  [/^Command timed out/, 'ETIMEDOUT'], // commandTimeout
  [/^Socket timeout/, 'ETIMEDOUT'], // socketTimeout
  [/^Command aborted due to connection close/, 'ECONNRESET'],
  [/^Reached the max retries per request limit/, 'ECONNRESET'], // maxRetriesPerRequest
  [/^Connection is closed/, 'ECONNRESET'], // before or after it was sent: ioredis does not say
]

/**
 * Lets the store work through a client or cluster of ioredis, version 5 or later. The client stays
 * its owner's, to close after. A `keyPrefix` of its own is kept to.
 * @throws TypeError if it is neither of these
 * @example
 * const store = new SolidisStore({ client: fromIoredis(new Redis()) })
 */
export function fromIoredis(client: IoredisClient | IoredisCluster): SolidisLike {
  checkGiven(client, 'ioredis')
  const options: Options = client.options
  const count = connectionsOf(client)
  if (!('nodes' in client)) {
    const reconnect = () => drop(client)
    const abilities = { count, reconnect }
    return wrap(
      commandsOf(client, options),
      options.sentinels ? { ...abilities, rediscover: seldom(reconnect) } : abilities,
    )
  }
  if (options.scaleReads === 'all' || options.scaleReads === 'slave') {
    throw new TypeError(
      'client: got a cluster that reads from replicas, which may not have heard of a login or a ' +
        'logout yet: give the store one without scaleReads',
    )
  }
  const nodes = async () => {
    const masters = await mastersOf(wrapped, () => client.nodes('master'))
    // Of keyPrefix a node need know nothing: it is the cluster that puts it before keys.
    return masters.map((master) => wrap(commandsOf(master, options)))
  }
  const commands = commandsOf(client, options)
  const wrapped = wrap(commands, {
    count,
    nodes,
    nodeOf: (key) => client.slots[slotOf(prepend(commands.keyPrefix, key))]?.[0],
    reconnect: (address) => {
      for (const node of client.nodes('master')) {
        if (address === undefined || address === addressOf(node)) drop(node)
      }
    },
    rediscover: () => client.refreshSlotsCache(() => {}),
  })
  return wrapped
}

function drop(client: IoredisClient): void {
  // Its own `disconnect(true)` is polite, and would wait two seconds for a server that is gone.
  client.stream?.destroy()
}

/**
 * While a master is silent, ioredis asks the sentinels for another only when it connects anew, and
 * then may find the same one once more, before its replica has taken over.
 */
function seldom(reconnect: () => void): () => void {
  let lastAt = Number.NEGATIVE_INFINITY
  return () => {
    const now = performance.now()
    if (now - lastAt < MIN_INTERVAL_MS) return
    lastAt = now
    reconnect()
  }
}

function addressOf({ options }: IoredisClient): string {
  const { host, port } = options as { host?: string; port?: number }
  return `${host}:${port}`
}

/** What the user may have set that changes what is sent, or what comes back. */
interface Options {
  keyPrefix?: string | Buffer
  stringNumbers?: boolean
  redisOptions?: Options
  scaleReads?: unknown
  sentinels?: unknown
}

/**
 * Lets the commands of one turn of the event loop leave in one write, as other clients do: to write each
 * by itself takes longer than all else that the store does for a request.
 */
function writingTogether(client: IoredisClient): () => void {
  let corked: IoredisStream | undefined
  return () => {
    const { stream } = client
    if (stream === corked || stream?.uncork === undefined) return
    corked = stream
    stream.cork?.()
    setImmediate(() => {
      stream.uncork?.()
      if (corked === stream) corked = undefined
    })
  }
}

type Methods = Record<string, (...args: Command) => Promise<unknown>>

function commandsOf(client: IoredisClient, options: Options): Wrapped {
  const methods = client as unknown as Methods
  const holdWrites = writingTogether(client)
  // With enableAutoPipelining `callBuffer` ends the process, and `call` does before 5.4. Before 5.9
  // they find no keys in a command that is written in capitals, neither to prefix nor to route it.
  const run = ([name, ...args]: Command, as: '' | 'Buffer'): Promise<unknown> => {
    holdWrites()
    return (methods[String(name).toLowerCase() + as] as Methods[string])(...args)
  }

  return {
    keyPrefix: prefixText(options.keyPrefix),
    text:
      (options.stringNumbers ?? options.redisOptions?.stringNumbers)
        ? async (command) => numbersOf(await run(command, 'Buffer'))
        : (command) => run(command, ''),
    bytes: (command) => run(command, 'Buffer'),
    errorReply: (error) => errorReply(error, FAILURES),
  }
}

/** With `stringNumbers`, what is no Buffer among Buffers is the text of a number. */
function numbersOf(reply: unknown): unknown {
  if (Array.isArray(reply)) return reply.map(numbersOf)
  return typeof reply === 'string' ? Number(reply) : reply
}
