import { type Callback, deliver } from './callback.ts'
import { carrySnapshot, hasSnapshot } from './concurrency/snapshot.ts'
import { cookieData, hasSameMaxAge } from './session/cookie.ts'
import type { SolidisStore } from './store.ts'

/** As much as has to be known of a session of @fastify/session. */
export interface FastifySession {
  cookie: { originalMaxAge?: number | null; expires?: Date | null }
}

/** What @fastify/session asks of a store. `Session` is what the app has declared it to be. */
export interface FastifySessionStore {
  get<Session extends FastifySession>(sid: string, callback: Callback<Session | null>): void
  set(sid: string, session: FastifySession, callback: Callback): void
  destroy(sid: string, callback: Callback): void
}

/** What came of loading a session. Has the snapshot of what was loaded. */
interface Loaded {
  readonly sid: string
  /** From when @fastify/session counts its life, in milliseconds since the epoch. */
  startsAt: number
  /** Why it could not be loaded, if it could not. */
  readonly error?: Error
}

/**
 * Where a session says what came of loading it. @fastify/session makes an object of its own of what
 * `get` gives, and of the cookie in it options for that object, to which this symbol goes along. So it
 * is in no attribute that the app might see or that might be written.
 */
const LOADED = Symbol('connect-solidis.loaded')

/**
 * Lets @fastify/session (11.1.2 or a later 11) keep its sessions in a store, with all that the store
 * promises about requests that change one session at the same time.
 * @example
 * const store = new SolidisStore({ client })
 * app.register(fastifySession, { store: fastifyStore(store), secret, saveUninitialized: false })
 */
export function fastifyStore(
  store: Pick<SolidisStore, 'get' | 'set' | 'destroy'>,
): FastifySessionStore {
  return {
    get(sid, callback) {
      store.get(sid, (error, session) => {
        const loaded = { sid, startsAt: Date.now(), ...(error !== null && { error }) }
        if (session) {
          carrySnapshot(session, loaded)
          session.cookie = withLoaded(cookieData(session), loaded)
        }
        // After a `reload` that failed, there is a session that is empty. See `set`.
        const result = error === null ? session : { cookie: withLoaded({}, loaded) }
        callback(error, result as never)
      })
    },

    set(sid, session, callback) {
      const loaded = loadedOf(session)
      // A session that was regenerated has that of the one before.
      if (loaded?.sid === sid) {
        if (loaded.error !== undefined) return deliver(callback, loaded.error)
        if (!hasSnapshot(session)) carrySnapshot(loaded, session)
        startLife(session, loaded)
      }
      store.set(sid, session as never, callback)
    },

    destroy(sid, callback) {
      store.destroy(sid, callback)
    },
  }
}

function withLoaded(cookie: object, loaded: Loaded): never {
  return { ...cookie, [LOADED]: loaded } as never
}

/** Finds it among what @fastify/session keeps in a session under symbols of its own. */
function loadedOf(session: object): Loaded | undefined {
  const hidden = session as Record<symbol, { [LOADED]?: Loaded } | null | undefined>
  const symbols = Object.getOwnPropertySymbols(session)
  const symbol = symbols.find((each) => hidden[each]?.[LOADED] !== undefined)
  return symbol && hidden[symbol]?.[LOADED]
}

/**
 * Counts a life from now on, like express-session; @fastify/session counts it from the start of the
 * request, so a slow one would shorten what a quick one has given, or end the session. A date that the
 * app has set stands.
 */
function startLife({ cookie }: FastifySession, loaded: Loaded): void {
  const { originalMaxAge, expires } = cookie
  if (!originalMaxAge || !expires) return
  const countedMs = expires.getTime() - loaded.startsAt
  if (!hasSameMaxAge({ originalMaxAge }, { originalMaxAge: countedMs })) return
  loaded.startsAt = Date.now()
  cookie.expires = new Date(loaded.startsAt + originalMaxAge)
}
