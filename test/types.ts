// What users of TypeScript write has to compile, and what would be wrong must not. Nothing runs.
import fastifySession from '@fastify/session'
import type { SessionData, Store } from 'express-session'
import fastify from 'fastify'
import { Cluster, Redis } from 'ioredis'
import { createClient, createClientPool, createCluster, createSentinel } from 'redis'
import { type FastifySessionStore, fastifyStore } from '../lib/fastify.ts'
import {
  carrySnapshot,
  fromIoredis,
  fromNodeRedis,
  InvalidSessionError,
  RedisError,
  SessionConflictError,
  type SolidisLike,
  SolidisStore,
  type WalkOptions,
} from '../lib/index.ts'

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

export async function walks(): Promise<void> {
  for await (const [sid, session] of store) console.log(sid.length, session.cookie.path)
  const { signal } = new AbortController()
  const onProgress: NonNullable<WalkOptions['onProgress']> = ({ done }) => done.toFixed()
  const found: [number, string[]] = [
    await store.length({ signal }),
    await store.ids({ onProgress }),
  ]
  await store.clear({ signal, onProgress })
  // @ts-expect-error: a misspelt option
  await store.all({ onprogress: onProgress })
  console.log(found)
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

export function events(): void {
  store.on('gone', ({ sid }) => sid.toUpperCase())
  store.once('invalid', ({ sid, error }) => console.log(sid.length, error.code.length))
  store.off('invalid', ({ error }) => error.message)
  store.on('connect', () => {})
  store.on(Symbol('mine'), (mine: number) => mine)
  // @ts-expect-error: it has no error
  store.on('gone', ({ error }) => error)
  // @ts-expect-error: a misspelt option
  new SolidisStore({ client: solidis, disableTtl: true })
}

export function callbacksThatNameTheirError(session: SessionData): void {
  const done = (error: Error | null) => console.log(error)
  const ifAny = (error?: Error | null) => console.log(error)
  const withResult = (error: Error | null, got?: SessionData | null) => console.log(error, got)
  store.get('sid', withResult)
  store.get('sid', (error: unknown, got: SessionData | null | undefined) => console.log(error, got))
  for (const each of [done, ifAny, (error: unknown) => console.log(error), undefined]) {
    store.set('sid', session, each)
    store.touch('sid', session, each)
    store.destroy('sid', each)
    store.clear(each)
  }
  store.length((error: Error | null, length?: number) => console.log(error, length))
  // @ts-expect-error: a string is no callback
  store.destroy('sid', 'done')
  // @ts-expect-error: ids are no number
  store.ids((_error, ids?: number) => ids)
}

export function errors(error: unknown): string | undefined {
  if (error instanceof SessionConflictError) return error.sid
  if (error instanceof RedisError) return `${error.command} ${error.code}`
  return error instanceof InvalidSessionError ? error.code : undefined
}

/** What a store around it may have. */
export function around(inner: SolidisStore, mine: SessionData, loaded: SessionData): Store {
  carrySnapshot(loaded, mine)
  return inner
}
