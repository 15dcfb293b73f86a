import { fromIoredis, fromNodeRedis, type SolidisOptions } from 'connect-solidis'
import { Failure, reasonOf } from './errors.ts'
import { findPackage, type Package } from './packages.ts'
import type { Client } from './store.ts'

export const CLIENTS = ['solidis', 'redis', 'ioredis'] as const
export type ClientName = (typeof CLIENTS)[number]

export interface Connection {
  readonly client: Client
  /** The package of the client, with its version. */
  readonly name: string
  readonly isCluster: boolean
  close(): void
}

/** What is made, but not connected yet. */
interface Opened {
  readonly client: Client
  connect(): Promise<unknown>
  /** What the client has told of, if anything. */
  lastError(): unknown
  close(): void
}

interface Kind {
  readonly package: string
  open(module: never, options: SolidisOptions): Opened
  /** Missing where the client knows no clusters. */
  openCluster?(module: never, options: SolidisOptions): Opened
}

const CONNECTS_WITHIN_MS = 10_000

type Listens = { on(event: 'error', listener: (error: unknown) => void): unknown }
type NodeRedis = Parameters<typeof fromNodeRedis>[0] &
  Listens & { connect(): Promise<unknown>; destroy(): void }
type Ioredis = Parameters<typeof fromIoredis>[0] &
  Listens & { connect(): Promise<unknown>; disconnect(): void }
type IoredisClass = new (...args: unknown[]) => Ioredis
type Solidis = Client & Listens & { connect(): Promise<unknown>; quit(): void }

/**
 * An operator is told at once where there is no connection, rather than that one is tried to be made
 * over and over.
 */
const KINDS: Record<ClientName, Kind> = {
  solidis: {
    package: '@vcms-io/solidis',
    open({ SolidisClient }: { SolidisClient: new (options: object) => Solidis }, options) {
      const retry = { lazyConnect: true, maxConnectionRetries: 1, autoReconnect: false }
      const client = new SolidisClient({ ...options, ...retry })
      return {
        client,
        connect: () => client.connect(),
        lastError: errorsOf(client),
        close: () => client.quit(),
      }
    },
  },
  redis: {
    package: 'redis',
    open({ createClient }: { createClient(options: object): NodeRedis }, options) {
      const { database, authentication, ...address } = options
      const socket = { ...socketOf(address), reconnectStrategy: false }
      return openNodeRedis(createClient({ socket, database, ...credentials(authentication) }))
    },
    openCluster({ createCluster }: { createCluster(options: object): NodeRedis }, options) {
      const { authentication, ...address } = options
      const { tls } = socketOf(address)
      const defaults = { socket: { tls }, ...credentials(authentication) }
      return openNodeRedis(createCluster({ rootNodes: [{ socket: socketOf(address) }], defaults }))
    },
  },
  ioredis: {
    package: 'ioredis',
    open({ Redis }: { Redis: IoredisClass }, { database, authentication, ...address }) {
      const retry = { lazyConnect: true, retryStrategy: null, maxRetriesPerRequest: 0 }
      const rest = { db: database, ...credentials(authentication), ...retry }
      return openIoredis(new Redis({ ...address, ...rest }))
    },
    openCluster({ Cluster }: { Cluster: IoredisClass }, { host, port, authentication, tls }) {
      const redisOptions = { ...credentials(authentication), ...(tls && { tls }) }
      const retry = { lazyConnect: true, clusterRetryStrategy: null }
      return openIoredis(new Cluster([{ host, port }], { redisOptions, ...retry }))
    },
  },
}

/**
 * Connects through the client that is asked for, or through the first that is installed and can.
 * @param prefix by which a cluster shows itself to who may do no more than a store
 */
export async function connect(
  options: SolidisOptions,
  prefix: string,
  asked: ClientName | undefined,
): Promise<Connection> {
  const installed = (asked === undefined ? CLIENTS : [asked]).flatMap((name) => {
    const found = findPackage(KINDS[name].package)
    return found === undefined ? [] : [{ kind: KINDS[name], found }]
  })
  const [first] = installed
  if (first === undefined) throw notInstalled(asked)
  const single = await connectBy(first.kind.open, first, options)
  if (!(await isCluster(single.client, prefix))) return { ...single, isCluster: false }

  single.close()
  for (const each of installed) {
    const { openCluster } = each.kind
    if (openCluster === undefined) continue
    return { ...(await connectBy(openCluster, each, options)), isCluster: true }
  }
  throw new Failure('This is a cluster, which Solidis has no client for: npm install redis')
}

async function connectBy(
  open: Kind['open'],
  { kind, found }: { kind: Kind; found: Package },
  options: SolidisOptions,
): Promise<Omit<Connection, 'isCluster'>> {
  const opened = open((await found.load()) as never, options)
  try {
    await inTime(opened.connect())
  } catch (error) {
    opened.close()
    // ioredis rejects with no reason, and tells it by an event.
    const reason = reasonOf(opened.lastError() ?? error)
    throw new Failure(`Could not connect to ${addressOf(options)}: ${reason}`)
  }
  return { ...opened, name: `${kind.package} ${found.version}` }
}

/** Keys of two slots are refused by a cluster, and by nobody else. */
async function isCluster(client: Client, prefix: string): Promise<boolean> {
  const [[reply] = []] = await client.send([['EXISTS', `${prefix}{a}`, `${prefix}{b}`]])
  return reply instanceof Error && /^(CROSSSLOT|MOVED|ASK)/.test(reply.message)
}

function openNodeRedis(client: NodeRedis): Opened {
  return {
    client: fromNodeRedis(client),
    connect: () => client.connect(),
    lastError: errorsOf(client),
    close: () => client.destroy(),
  }
}

function openIoredis(client: Ioredis): Opened {
  return {
    client: fromIoredis(client),
    connect: () => client.connect(),
    lastError: errorsOf(client),
    close: () => client.disconnect(),
  }
}

/** Listens, since a client may end the process if nobody does, and gives what came last. */
function errorsOf(client: Listens): () => unknown {
  let last: unknown
  client.on('error', (error) => {
    last = error
  })
  return () => last
}

function socketOf({ host, port, tls }: Omit<SolidisOptions, 'authentication' | 'database'>) {
  return { host, port, tls: tls !== undefined }
}

function credentials({ username, password }: SolidisOptions['authentication']): object {
  return { ...(username && { username }), ...(password && { password }) }
}

function inTime<T>(promise: Promise<T>): Promise<T> {
  return Promise.race([
    promise,
    new Promise<T>((_, reject) => {
      const tooLate = new Error(`no answer within ${CONNECTS_WITHIN_MS / 1000} s`)
      setTimeout(reject, CONNECTS_WITHIN_MS, tooLate).unref()
    }),
  ])
}

/** Where Redis is, without user and password. */
export function addressOf({ host, port, database, tls }: SolidisOptions): string {
  const name = host.includes(':') ? `[${host}]` : host
  return `${tls === undefined ? 'redis' : 'rediss'}://${name}:${port}/${database}`
}

function notInstalled(asked: ClientName | undefined): Failure {
  const what =
    asked === undefined
      ? 'neither redis nor ioredis nor @vcms-io/solidis is installed here: npm install redis'
      : `${KINDS[asked].package} is not installed here: npm install ${KINDS[asked].package}`
  return new Failure(`There is no client for Redis: ${what}`)
}
