// The stores that are compared, and the options that are tried. `open` gives the store.
// Each imports what it needs itself, so that no process that is measured has the clients of all.
import session from 'express-session'

const LIBRARY = '../dist/esm/index.js'
const SOLIDIS = '@vcms-io/solidis'

/** What the ratios are relative to. */
export const BASELINE = 'connect-redis'

/** `kind`: `ours`, another one in Redis (`other`), or what takes no Redis at all (`bound`). */
const ALL = [
  {
    name: 'solidis',
    label: 'connect-solidis on Solidis',
    kind: 'ours',
    missing: isInstalled(SOLIDIS) ? undefined : `${SOLIDIS} is not installed`,
    async open(url, prefix, options) {
      const { SolidisStore, solidisOptions } = await import(LIBRARY)
      const solidis = await import(SOLIDIS)
      const client = new solidis.SolidisClient(solidisOptions(url))
      await client.connect()
      return new SolidisStore({ client, prefix, ...options })
    },
  },
  {
    name: 'node-redis',
    label: 'connect-solidis on node-redis',
    kind: 'ours',
    async open(url, prefix, options) {
      const { fromNodeRedis, SolidisStore } = await import(LIBRARY)
      const client = await connectNodeRedis(url)
      return new SolidisStore({ client: fromNodeRedis(client), prefix, ...options })
    },
  },
  {
    name: BASELINE,
    label: 'connect-redis on node-redis',
    kind: 'other',
    async open(url, prefix) {
      const { RedisStore } = await import('connect-redis')
      const client = await connectNodeRedis(url)
      return new RedisStore({ client, prefix })
    },
  },
  {
    name: 'ioredis',
    label: 'connect-solidis on ioredis',
    kind: 'ours',
    async open(url, prefix, options) {
      const { fromIoredis, SolidisStore } = await import(LIBRARY)
      const { Redis } = await import('ioredis')
      const client = new Redis(url)
      return new SolidisStore({ client: fromIoredis(client), prefix, ...options })
    },
  },
  {
    name: 'memory',
    label: 'MemoryStore, no Redis',
    kind: 'bound',
    open: async () => new session.MemoryStore(),
  },
]

export const STORES = ALL.filter(({ missing }) => !missing)
export const LEFT_OUT = ALL.filter(({ missing }) => missing)
export const IN_REDIS = STORES.filter(({ kind }) => kind !== 'bound')

/** Where only options are compared, they are over Solidis, or node-redis where that is missing. */
export const OURS = STORES[0]

/** By name, since functions cannot be sent to another process. */
export const OPTIONS = {
  defaults: {},
  touchAfter: { touchAfter: 60 },
  encryption: { encryption: { secrets: ['a secret for the benchmark, long enough'] } },
  compression: { compression: true },
  indexBy: { indexBy: ({ user }) => user?.id },
  maxLifetime: { maxLifetime: 86_400 },
}

export function openStore({ store, options = 'defaults', url, prefix }) {
  return ALL.find(({ name }) => name === store).open(url, prefix, OPTIONS[options])
}

export async function connectNodeRedis(url) {
  const { createClient } = await import('redis')
  return createClient({ url }).connect()
}

function isInstalled(name) {
  try {
    import.meta.resolve(name)
    return true
  } catch {
    return false
  }
}
