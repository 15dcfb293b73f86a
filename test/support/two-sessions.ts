import type { SessionData } from 'express-session'
import { type SolidisLike, SolidisStore, type SolidisStoreOptions } from '../../lib/index.ts'
import { type ClientKind, mainKind, type TestClient } from './clients.ts'
import { ENCRYPTED, keyOf, sealed } from './encrypted.ts'
import { freshPrefix } from './redis.ts'
import { ask, data, open } from './requests.ts'

type Options = Partial<SolidisStoreOptions>

export const SID = 'the sid'

/** Every way of dealing with a conflict; the function decides as `'merge'` does. */
export const POLICIES: [name: string, NonNullable<Options['onConflict']>][] = [
  ['merge', 'merge'],
  ['overwrite', 'overwrite'],
  ['reject', 'reject'],
  ['a function', (_base, theirs, ours) => ({ ...theirs, ...ours })],
]

/**
 * Stores and sessions for the tests of the `describe` in which it is called: over one client, which
 * is closed at the end, and with a prefix for each test.
 */
export function useStores(kind: ClientKind = mainKind) {
  let tested: TestClient
  let prefix: string

  before(async () => {
    tested = await kind.connect()
  })
  after(() => tested.close())
  beforeEach(() => {
    prefix = freshPrefix()
  })

  const client: SolidisLike = {
    send: (commands) => tested.client.send(commands),
    get pipelines() {
      return tested.client.pipelines !== false
    },
  }
  for (const name of ['nodes', 'nodeOf'] as const) {
    Object.defineProperty(client, name, { get: () => tested.client[name] })
  }
  const key = () => keyOf({ prefix }, SID)
  /** What Redis is to hold of the session with this text. */
  const put = (text: string) => sealed(prefix, SID, text)

  function makeStore(options: Options = {}): SolidisStore {
    return new SolidisStore({
      client,
      prefix,
      timeout: 0,
      breaker: false,
      ...ENCRYPTED,
      ...options,
    })
  }

  /** Two stores, as two processes have them, and a session that both know. */
  async function twoStores(attributes: object, options: Options = {}) {
    const stores = [makeStore(options), makeStore(options)] as const
    await stores[0].set(SID, data({ ...attributes }))
    return stores
  }

  /** One store and two requests that have loaded its only session. */
  async function twoSessions(attributes: object, options: Options = {}) {
    const store = makeStore(options)
    await store.set(SID, data({ ...attributes }))
    return { store, theirs: await open(store, SID), ours: await open(store, SID) }
  }

  /** How many milliseconds Redis lets the session live; negative if it is gone or lives for ever. */
  const life = async () => Number(await ask(client, 'PTTL', key()))

  return { client, key, put, makeStore, twoStores, twoSessions, life }
}

/** Collects what an event says, from now on. */
export function heard<T = { sid: string }>(store: SolidisStore, event: string): T[] {
  const said: T[] = []
  store.on(event, (what: T) => said.push(what))
  return said
}

/** A change for `update` that counts. */
export function add(session: SessionData): void {
  const counter = session as SessionData & { count?: number }
  counter.count = (counter.count ?? 0) + 1
}
