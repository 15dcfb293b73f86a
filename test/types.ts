// What users of TypeScript write has to compile, and what would be wrong must not. Nothing runs.
import fastifySession from '@fastify/session'
import type { SessionData } from 'express-session'
import fastify from 'fastify'
import { Cluster, Redis } from 'ioredis'
import { createClient, createClientPool, createCluster, createSentinel } from 'redis'
import { type FastifySessionStore, fastifyStore } from '../lib/fastify.ts'
import { fromIoredis, fromNodeRedis, type SolidisLike, SolidisStore } from '../lib/index.ts'

declare const solidis: SolidisLike
const store = new SolidisStore({ client: solidis })
new SolidisStore({ client: fromNodeRedis(createClient()) })
new SolidisStore({ client: fromNodeRedis(createClientPool()) })
new SolidisStore({ client: fromNodeRedis(createCluster({ rootNodes: [] })) })
new SolidisStore({
  client: fromNodeRedis(createSentinel({ name: 'mymaster', sentinelRootNodes: [] })),
})
new SolidisStore({ client: fromNodeRedis(createClient({ RESP: 2, keyPrefix: 'app:' })) })
// @ts-expect-error: it knows no promises
fromNodeRedis(createClient().legacy())
// @ts-expect-error: to be awaited first
fromNodeRedis(createClient().connect())
// @ts-expect-error: for fromIoredis
fromNodeRedis(new Redis())
// @ts-expect-error: for fromNodeRedis
fromIoredis(createClient())
new SolidisStore({ client: fromIoredis(new Redis()) })
new SolidisStore({ client: fromIoredis(new Cluster([])) })
new SolidisStore({
  client: solidis,
  ttl: (session) => (session.cookie.originalMaxAge ?? 0) / 1000,
  onConflict: (base, theirs, ours) => ({ ...base, ...theirs, ...ours }),
  serializer: { parse: async (text) => JSON.parse(text), stringify: JSON.stringify },
})
// @ts-expect-error: a client is required
new SolidisStore({})
// @ts-expect-error: a bare client has no send
new SolidisStore({ client: new Redis() })
// @ts-expect-error: no such policy
new SolidisStore({ client: solidis, onConflict: 'ignore' })
// @ts-expect-error: not to be changed
store.prefix = 'other:'

export async function promises(session: SessionData): Promise<void> {
  const got: SessionData | null = await store.get('sid')
  await store.set('sid', session)
  const ids: string[] = await store.ids()
  const id: string | undefined = (await store.all())[0]?.id
  const there: boolean = await store.exists('sid')
  const length: number = await store.length()
  const changed = await store.update('sid', async (s) => ({ ...s }))
  // @ts-expect-error: there may be no session
  changed.cookie
  await store.update('sid', (s) => {
    s.cookie.path = '/'
  })
  // @ts-expect-error: a number is no session
  await store.update('sid', () => 1)
  console.log(got, ids, id, there, length)
}

export function callbacks(session: SessionData): void {
  store.get('sid', (error, got) => console.log(error, got?.cookie))
  store.set('sid', session, (error) => console.log(error))
  store.touch('sid', session, () => {})
  store.all((_error, sessions) => sessions?.map(({ id }) => id))
  store.length((_error, length) => (length ?? 0) + 1)
  store.clear(() => {})
}

declare module 'fastify' {
  interface Session {
    visits: number
  }
}

export function fastifyApp(): void {
  const adapter: FastifySessionStore & fastifySession.SessionStore = fastifyStore(store)
  const app = fastify()
  app.register(fastifySession, { secret: 'secret', store: adapter, cookie: { maxAge: 1 } })
  app.get('/', async ({ session, sessionStore }) => {
    session.visits++
    sessionStore.set('sid', session, (error) => console.log(error))
    sessionStore.get('sid', (_error, got) => got?.visits.toFixed())
    adapter.get('sid', (error, got) => console.log(error?.message, got?.cookie.originalMaxAge))
  })
  // @ts-expect-error: options are those of a store
  fastifyStore({ client: solidis })
}
