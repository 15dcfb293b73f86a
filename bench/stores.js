// The stores that are compared. `open` connects one to Redis and gives `{ store, close }`.
import { RedisStore } from 'connect-redis'
import session from 'express-session'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { fromIoredis, fromNodeRedis, SolidisStore } from '../dist/esm/index.js'
import { connectSolidis, solidisMissing } from './solidis.js'

/** What the ratios are relative to. */
export const BASELINE = 'connect-redis'

const connectValkey = await import('connect-valkey').catch(failedImport)
const glide = await import('@valkey/valkey-glide').catch(failedImport)

// GLIDE refuses calls beyond 1,000 at a time, and gives up after 250 ms, unless told otherwise.
const GLIDE_LIMITS = { inflightRequestsLimit: 100_000, requestTimeout: 120_000 }

/**
 * `kind` says what a store is in this comparison: `ours`, another one (`other`), or a bound that no
 * store in Redis can pass (`bound`).
 */
export const STORES = [
  {
    name: 'connect-solidis',
    label: 'connect-solidis',
    kind: 'ours',
    missing: solidisMissing,
    open: openOurs,
  },
  {
    name: 'connect-solidis-node-redis',
    label: 'connect-solidis on node-redis',
    kind: 'ours',
    open: openOverNodeRedis,
  },
  {
    name: 'connect-solidis-ioredis',
    label: 'connect-solidis on ioredis',
    kind: 'ours',
    async open(url, prefix) {
      const client = new Redis(url)
      const store = new SolidisStore({ client: fromIoredis(client), prefix })
      return { store, close: () => client.disconnect() }
    },
  },
  {
    name: BASELINE,
    label: 'connect-redis',
    kind: 'other',
    async open(url, prefix) {
      const client = await connectNodeRedis(url)
      return { store: new RedisStore({ client, prefix }), close: () => client.destroy() }
    },
  },
  {
    name: 'connect-valkey',
    label: 'connect-valkey (GLIDE)',
    kind: 'other',
    missing: connectValkey.missing ?? glide.missing,
    async open(url, prefix) {
      const { hostname: host, port } = new URL(url)
      const addresses = [{ host, port: Number(port || 6379) }]
      const client = await glide.GlideClient.createClient({ addresses, ...GLIDE_LIMITS })
      const store = new connectValkey.ValkeyStore({ client, prefix })
      return { store, close: () => client.close() }
    },
  },
  {
    name: 'memory',
    label: 'MemoryStore (no Redis)',
    kind: 'bound',
    async open() {
      return { store: new session.MemoryStore(), close: () => {} }
    },
  },
]

/** Opens connect-solidis with options of its own, over Solidis, or node-redis where that is missing. */
export async function openOurs(url, prefix, options) {
  if (solidisMissing) return openOverNodeRedis(url, prefix, options)
  const client = await connectSolidis(url)
  const store = new SolidisStore({ client, prefix, ...options })
  return { store, close: () => client.quit() }
}

async function openOverNodeRedis(url, prefix, options) {
  const client = await connectNodeRedis(url)
  const store = new SolidisStore({ client: fromNodeRedis(client), prefix, ...options })
  return { store, close: () => client.destroy() }
}

export function storeNamed(name) {
  return STORES.find((store) => store.name === name)
}

function connectNodeRedis(url) {
  return createClient({ url }).connect()
}

function failedImport(error) {
  return { missing: error.message.split('\n')[0] }
}
