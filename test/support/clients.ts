import { Redis } from 'ioredis'
import { createClient } from 'redis'
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

export const nodeRedisKind: ClientKind = {
  name: 'node-redis',
  async connect(url = redisUrl()) {
    const client = await createClient({ url }).on('error', ignore).connect()
    return { client: fromNodeRedis(client), close: () => client.destroy() }
  },
}

export const ioredisKind: ClientKind = {
  name: 'ioredis',
  async connect(url = redisUrl()) {
    const client = new Redis(url).on('error', ignore)
    return { client: fromIoredis(client), close: () => client.disconnect() }
  },
}

export const clientKinds: ClientKind[] = [solidisKind, nodeRedisKind, ioredisKind]

/** What the project is for, and node-redis where that is missing. */
export const mainKind: ClientKind = solidisKind.missing ? nodeRedisKind : solidisKind
