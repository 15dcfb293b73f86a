import * as ioredis6 from 'ioredis'
import * as ioredis5 from 'ioredis5'
import * as redis6 from 'redis'
import * as redis5 from 'redis5'
import type { SolidisClient } from '../../lib/clients/solidis.ts'
import { fromIoredis, fromNodeRedis, type SolidisLike } from '../../lib/index.ts'
import { redisUrl } from './redis.ts'

export interface TestClient {
  readonly client: SolidisLike
  close(): void
}

export interface ClientKind {
  readonly name: string
  /** Why it cannot be tested here, if it cannot. */
  readonly missing?: string
  /** Connects to where all keys are, past what is tested; default: as node-redis does it. */
  connectDirectly?(): Promise<TestClient>
  /** Empties what it connects to; default: a server of its own is started for the purpose. */
  connectToNothing?(): Promise<TestClient>
  connect(url?: string): Promise<TestClient>
}

type SolidisModule = { SolidisClient: new (options: object) => SolidisClient }

/** Its types are not at hand where the package is missing, so it is named by a variable. */
const SOLIDIS = '@vcms-io/solidis'
const solidis: SolidisModule | undefined = await import(SOLIDIS).catch(() => undefined)

/** A client of Solidis, where that is not missing. */
export function createSolidis(options: object): SolidisClient {
  return new (solidis as SolidisModule).SolidisClient(options)
}

/** A connection that ends is told of by a client, too; what becomes of calls is what is tested. */
function ignore(): void {}

export const solidisKind: ClientKind = {
  name: 'Solidis',
  ...(solidis ? {} : { missing: `${SOLIDIS} is not installed` }),
  async connect(url = redisUrl()) {
    const client = createSolidis({ uri: url })
    client.on('error', ignore)
    await client.connect()
    return { client, close: () => client.quit() }
  },
}

export const nodeRedisKind = nodeRedis('node-redis', redis6)
export const ioredisKind = ioredis('ioredis', ioredis6)

const only = process.env.TEST_CLIENT

/**
 * Those over which whole suites run, or the one that `TEST_CLIENT` names; others may be put in their
 * place, to run the same.
 */
export const clientKinds: ClientKind[] = [solidisKind, nodeRedisKind, ioredisKind].filter(
  ({ name }) => only === undefined || name === only,
)

/** Older versions, which do other things with what they cannot send. */
export const olderKinds: ClientKind[] = [
  // Their types are those of other packages, but for what is used here the same.
  nodeRedis('node-redis 5', redis5 as unknown as typeof redis6),
  ioredis('ioredis 5', ioredis5 as unknown as typeof ioredis6),
]

/** What the project is for, and node-redis where that is missing; or what `TEST_CLIENT` names. */
export const mainKind: ClientKind =
  clientKinds.find(({ missing }) => missing === undefined) ?? nodeRedisKind

function nodeRedis(name: string, { createClient }: typeof redis6): ClientKind {
  return {
    name,
    async connect(url = redisUrl()) {
      const client = await createClient({ url }).on('error', ignore).connect()
      // Version 5 throws where there is nothing to close any more.
      const close = () => void (client.isOpen && client.destroy())
      return { client: fromNodeRedis(client), close }
    },
  }
}

function ioredis(name: string, { Redis }: typeof ioredis6): ClientKind {
  return {
    name,
    async connect(url = redisUrl()) {
      const client = new Redis(url).on('error', ignore)
      return { client: fromIoredis(client), close: () => client.disconnect() }
    },
  }
}
