import { inspect } from 'node:util'
import { type Session, type SessionData, Store } from 'express-session'
import type { Callback } from './callback.ts'
import { gateOf, isSolidis } from './clients/solidis.ts'
import type { OnConflict } from './concurrency/merge.ts'
import { Sessions, type SessionWithId } from './concurrency/sessions.ts'
import type { Change } from './concurrency/update.ts'
import { badArgument, type InvalidSessionError, RedisError } from './errors.ts'
import type { SolidisStoreEvents } from './events.ts'
import { resolveOptions, type SolidisStoreOptions } from './options.ts'
import {
  checkDestroyBy,
  type DestroyByOptions,
  destroySessions,
  type FoundSession,
  findSessions,
} from './owners/find.ts'
import type { IndexBy } from './owners/members.ts'
import type { MaxSessions, Owners } from './owners/owners.ts'
import type { BreakerState } from './redis/breaker.ts'
import type { Call } from './redis/call.ts'
import { Calls, type Given } from './redis/calls.ts'
import type { SolidisLike } from './redis/client.ts'
import { Redis } from './redis/redis.ts'
import type { Compression } from './session/compression.ts'
import type { Serializer } from './session/payload.ts'
import type { Ttl } from './session/ttl.ts'
import { type CallMethod, publish } from './tracing/channels.ts'
import { debugCalls } from './tracing/debug.ts'
import { checkWalkOptions, isWalkOptions, type WalkOptions } from './walk/options.ts'
import { reencryptSessions } from './walk/reencrypt.ts'
import { reindexSessions, sweepIndex } from './walk/reindex.ts'
import type { Scope } from './walk/scan.ts'
import { allSessions, clearSessions, countSessions, eachSession, sessionIds } from './walk/walk.ts'

/**
 * Keeps the sessions of express-session in Redis.
 *
 * Every method takes a Node-style callback or, without one, returns a promise. It fails with a
 * `RedisError` if Redis refuses a command or cannot be reached, or if the call takes longer than
 * `timeout` (then `error.code` is `'ETIMEDOUT'`), and with a `TypeError` if an argument is not what it
 * should be. The calls of one session are applied in the order in which they were made.
 *
 * Events tell what is no error to anybody: see `SolidisStoreEvents`.
 *
 * @example
 * app.use(session({ store: new SolidisStore({ client }), secret, resave: false, saveUninitialized: false }))
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: the only way to type inherited methods
export class SolidisStore extends Store {
  /** The client that the store was made with. */
  readonly client: SolidisLike
  /** Put before the session id to make the key. */
  readonly prefix: string
  /** Seconds that a session lives, or the function that says so. */
  readonly ttl: Ttl
  /** Whether keys never expire. */
  readonly disableTTL: boolean
  /** Whether `touch` does nothing. */
  readonly disableTouch: boolean
  /** Seconds by which a `touch` has to extend a life to be sent. */
  readonly touchAfter: number
  /** The COUNT hint of SCAN. */
  readonly scanCount: number
  /** What turns sessions into text and back. */
  readonly serializer: Serializer
  /** What `set` does where another request has changed the session. */
  readonly onConflict: OnConflict
  /** Milliseconds that a call may take; 0 for no limit. */
  readonly timeout: number
  /** Whose a session is, if that is asked. */
  readonly indexBy: IndexBy | undefined
  /** How many sessions a value of `indexBy` may have, if there is a limit. */
  readonly maxSessions: MaxSessions | undefined
  /** Seconds that a session lives at most, whatever its activity, if there is a limit. */
  readonly maxLifetime: number | undefined
  /** Whether a payload without a tag is no session. */
  readonly requireTag: boolean
  /** Whether keys have digests of the session ids. */
  readonly hashKeys: boolean
  /** How large sessions are compressed, if they are. */
  readonly compression: Compression | undefined
  /** Bytes that a session may have. */
  readonly maxPayload: number
  /** How many calls may wait for Redis at once. */
  readonly maxPending: number
  /** Whether calls fail at once while Redis does not answer. */
  readonly breaker: boolean

  readonly #redis: Redis
  readonly #calls: Calls
  readonly #sessions: Sessions
  readonly #scope: Scope
  readonly #isEncrypted: boolean
  readonly #warned = new Set<string>()

  /**
   * @param options all but `client` have defaults; see `SolidisStoreOptions`
   * @throws TypeError that names a bad option, what was expected and what was given
   */
  constructor(options: SolidisStoreOptions) {
    super()
    debugCalls()
    const resolved = resolveOptions(options)
    this.client = resolved.client
    this.prefix = resolved.prefix
    this.ttl = resolved.ttl
    this.disableTTL = resolved.disableTTL
    this.disableTouch = resolved.disableTouch
    this.touchAfter = resolved.touchAfter
    this.scanCount = resolved.scanCount
    this.serializer = resolved.serializer
    this.onConflict = resolved.onConflict
    this.timeout = resolved.timeout
    this.indexBy = resolved.indexBy
    this.maxSessions = resolved.maxSessions
    this.maxLifetime = resolved.maxLifetime
    this.requireTag = resolved.requireTag
    this.hashKeys = resolved.hashKeys
    this.compression = resolved.compression
    this.maxPayload = resolved.maxPayload
    this.maxPending = resolved.maxPending
    this.breaker = resolved.breaker
    const client = isSolidis(this.client) ? gateOf(this.client) : this.client
    this.#redis = this.breaker
      ? new Redis(client, (state, cause) => this.#tell('breaker', { state, cause }))
      : new Redis(client)
    this.#calls = new Calls(this.#redis, this.timeout, this.maxPending)
    this.#sessions = new Sessions(this.#redis, resolved, {
      invalid: (sid, error) => this.#invalid(sid, error),
      gone: (sid) => this.#tell('gone', { sid }),
      evicted: (sid, value) => this.#tell('evicted', { sid, value }),
      unknown: (session) => this.#warnOfWrapper(session),
    })
    this.#isEncrypted = resolved.encryption !== undefined
    this.#scope = { redis: this.#redis, calls: this.#calls, ...resolved }
  }

  /**
   * `'closed'` while Redis answers; `'open'` or `'halfOpen'` while it does not, and calls fail at once.
   * For a readiness check.
   */
  get state(): BreakerState {
    return this.#redis.state
  }

  /**
   * Gives the session, with the `cookie.expires` that Redis will apply, or `null` if there is none.
   * What is in Redis but is no session counts as none, and is told of by an `'invalid'` event.
   */
  override get(sid: string): Promise<SessionData | null>
  override get(sid: string, callback: Callback<SessionData | null>): void
  override get(sid: string, ...given: Given<SessionData | null>) {
    return this.#calls.start('get', 'GET', given, (call) => this.#sessions.get(sid, call))
  }

  /**
   * Writes a session, to live as long as `ttl` and its cookie say. One that this store gave out is
   * written only if it is still there (else nothing is, and a `'gone'` event tells of it), and
   * together with what others have changed in it since (see `onConflict`); if the date of its cookie
   * was not moved, it keeps the life that it has.
   */
  override set(sid: string, session: SessionData): Promise<void>
  override set(sid: string, session: SessionData, callback: Callback | undefined): void
  override set(sid: string, session: SessionData, ...given: Given) {
    return this.#calls.start('set', 'SET', given, (call) => this.#sessions.set(sid, session, call))
  }

  /** Removes a session. There need not be one. */
  override destroy(sid: string): Promise<void>
  override destroy(sid: string, callback: Callback | undefined): void
  override destroy(sid: string, ...given: Given) {
    return this.#calls.start('destroy', 'UNLINK', given, (call) =>
      this.#sessions.destroy(sid, call),
    )
  }

  /**
   * Lets a session live on as `ttl` and its cookie say, unless another request has given it a longer
   * life since it was loaded; of its attributes it writes none, but those of the cookie if they were
   * changed. If there is no such session, a `'gone'` event tells of it. A failure of Redis is told to
   * a callback as none, but by a `'touchFailed'` event: the page is there by then, and would be cut off.
   */
  override touch(sid: string, session: SessionData): Promise<void>
  override touch(sid: string, session: SessionData, callback: Callback | undefined): void
  override touch(sid: string, session: SessionData, ...given: Given) {
    const [callback] = given
    const tellOf = (error: Error | null) => this.#touched(sid, session, error, callback as Callback)
    const told: Given = typeof callback === 'function' ? [tellOf] : given
    return this.#calls.start('touch', 'PEXPIRE', told, (call) => {
      this.#sessions.touch(sid, session, call)
    })
  }

  /**
   * Gives every session, each with its `id`, once; what is no session is left out, as in `get`. A
   * session may be changed and given to `set` like one of `get`: its `id` is not written. All are held
   * in memory at once, so iterate over the store where there are many. Each answer of Redis may take
   * `timeout`.
   */
  override all(options?: WalkOptions): Promise<SessionWithId[]>
  override all(callback: Callback<SessionWithId[]>): void
  override all(...given: Walked<SessionWithId[]>) {
    return this.#walk('all', given, (options) =>
      allSessions(this.#scope, (...loaded) => this.#sessions.listed(...loaded), options),
    )
  }

  /**
   * Gives the number of sessions: exactly, if none comes or goes meanwhile. While Redis shrinks its table
   * of keys a few may be counted twice, and while a cluster moves slots those that move may be counted
   * twice or not at all. Each answer of Redis may take `timeout`.
   */
  override length(options?: WalkOptions): Promise<number>
  override length(callback: Callback<number>): void
  override length(...given: Walked<number>) {
    return this.#walk('length', given, (options) => countSessions(this.#scope, options))
  }

  /**
   * Removes every session, page by page. One that is written meanwhile may stay. Each answer of Redis
   * may take `timeout`.
   */
  override clear(options?: WalkOptions): Promise<void>
  override clear(callback: Callback | undefined): void
  override clear(...given: Walked) {
    const { owners } = this.#sessions
    return this.#walk('clear', given, async (options) => {
      await clearSessions(this.#scope, options)
      if (owners !== undefined) await sweepIndex(this.#scope, owners, options)
    })
  }

  /** Gives the id of every session, once. Each answer of Redis may take `timeout`. */
  ids(options?: WalkOptions): Promise<string[]>
  ids(callback: Callback<string[]>): void
  ids(...given: Walked<string[]>) {
    return this.#walk('ids', given, (options) => sessionIds(this.#scope, options))
  }

  /**
   * Yields every session with its id, page by page: only a page or two of them are in memory. Where the
   * loop is left, nothing more is sent. A session may be changed and given to `set` like one of `get`.
   *
   * Each session that is there from the beginning to the end comes. It comes once, but for a few while
   * Redis shrinks its table of keys, and those of a slot that a cluster moves meanwhile, which may come
   * twice or not at all. Each answer of Redis may take `timeout`.
   * @example
   * for await (const [sid, session] of store) if (session.user === user) await store.destroy(sid)
   */
  [Symbol.asyncIterator](): AsyncGenerator<[sid: string, session: SessionData]> {
    return eachSession(this.#scope, (...loaded) => this.#sessions.entry(...loaded))
  }

  /** Gives whether there is a session, without loading it. */
  exists(sid: string): Promise<boolean>
  exists(sid: string, callback: Callback<boolean>): void
  exists(sid: string, ...given: Given<boolean>) {
    return this.#calls.start('exists', 'EXISTS', given, (call) => this.#sessions.exists(sid, call))
  }

  /**
   * Changes a session from outside a request, atomically: if another changes it at the same time,
   * `change` is called again on the fresh data. The session keeps the life that it has, unless `change`
   * changes its cookie. Gives the new session, or `null` if there is none.
   * @param change changes the session in place, or returns a new one; may be asynchronous. What it
   * throws is what `update` fails with.
   */
  update(sid: string, change: Change): Promise<SessionData | null>
  update(sid: string, change: Change, callback: Callback<SessionData | null>): void
  update(sid: string, change: Change, ...given: Given<SessionData | null>) {
    return this.#calls.start('update', 'GET', given, (call) => {
      this.#sessions.update(sid, change, call)
    })
  }

  /**
   * Gives the sessions of which `indexBy` gives this value, that which was used last first. Each answer
   * of Redis may take `timeout`.
   */
  findBy(value: string): Promise<FoundSession[]>
  findBy(value: string, callback: Callback<FoundSession[]>): void
  findBy(value: string, ...given: Given<FoundSession[]>) {
    return this.#walk('findBy', given, () => {
      checkValue(value)
      return findSessions(this.#owners, value, (step) => this.#calls.stepOf('GET', step))
    })
  }

  /**
   * Ends the sessions of which `indexBy` gives this value: all of them, or all but one, or only one.
   * Gives how many it ended. Each answer of Redis may take `timeout`.
   */
  destroyBy(value: string, options?: DestroyByOptions): Promise<number>
  destroyBy(value: string, callback: Callback<number>): void
  destroyBy(value: string, options: DestroyByOptions | undefined, callback: Callback<number>): void
  destroyBy(value: string, ...rest: unknown[]) {
    const [options, ...given] = typeof rest[0] === 'function' ? [undefined, ...rest] : rest
    return this.#walk('destroyBy', given as Given<number>, () => {
      checkValue(value)
      checkDestroyBy(options)
      return destroySessions(this.#owners, value, options ?? {}, (step) =>
        this.#calls.stepOf('UNLINK', step),
      )
    })
  }

  /**
   * Lists all sessions by their value of `indexBy`, once, where the store was used without it before.
   * Gives how many have one. Each answer of Redis may take `timeout`.
   */
  reindex(options?: WalkOptions): Promise<number>
  reindex(callback: Callback<number>): void
  reindex(...given: Walked<number>) {
    return this.#walk('reindex', given, (options) =>
      reindexSessions(
        this.#scope,
        this.#owners,
        (...loaded) => this.#sessions.entry(...loaded),
        options,
      ),
    )
  }

  /**
   * Encrypts all sessions by the current secret that are not, once: after it was changed, or where they
   * were not encrypted before (with `encryption.acceptPlain`); with `writePlain`, decrypts them. They stay as they are otherwise, and may be
   * used meanwhile. Gives how many it has written; of those that it cannot decrypt, `'invalid'` events
   * tell. Each answer of Redis may take `timeout`.
   */
  reencrypt(options?: WalkOptions): Promise<number>
  reencrypt(callback: Callback<number>): void
  reencrypt(...given: Walked<number>) {
    return this.#walk('reencrypt', given, (options) => {
      if (!this.#isEncrypted) throw badArgument('options.encryption', 'an object', undefined)
      return reencryptSessions(
        this.#scope,
        this.#sessions.codec,
        (...loaded) => this.#sessions.entry(...loaded),
        options,
      )
    })
  }

  /** Makes the `Session` of a request of what `get` gave. Called by express-session. */
  override createSession(
    req: Parameters<Store['createSession']>[0],
    data: SessionData,
  ): Session & SessionData {
    const session = super.createSession(req, data)
    this.#sessions.created(data, session)
    return session
  }

  /** Shows no session, and nothing of the client, in logs. */
  [inspect.custom](): string {
    return `${this.constructor.name} { prefix: ${inspect(this.prefix)} }`
  }

  /** What visits many sessions takes as long as it takes. */
  #walk<T>(
    method: CallMethod,
    given: Walked<T>,
    walk: (options: WalkOptions) => Promise<T>,
  ): Promise<T> | undefined {
    const [first] = given
    const isGiven = isWalkOptions(first)
    const begin = (call: Call<T>) => {
      if (isGiven) checkWalkOptions(first)
      const options = isGiven ? first : {}
      const walked = walk(options)
      if (!options.signal?.aborted) call.trace?.asks()
      walked.then(
        (result) => call.succeed(result),
        (error) => call.fail(error),
      )
    }
    return this.#calls.start(method, 'SCAN', isGiven ? [] : (given as Given<T>), begin, 0)
  }

  /** @throws TypeError if it is not asked whose a session is */
  get #owners(): Owners {
    const { owners } = this.#sessions
    if (owners === undefined) throw badArgument('options.indexBy', 'a function', undefined)
    return owners
  }

  #touched(sid: string, session: SessionData, error: Error | null, callback: Callback): void {
    let told = error
    if (error instanceof RedisError) {
      try {
        this.#tell('touchFailed', { sid: this.#sessions.nameOf(sid, session), error })
        told = null
      } catch (noSid) {
        told = noSid as Error
      }
    }
    callback(told)
  }

  #invalid(sid: string, error: InvalidSessionError | RedisError): void {
    // Else it would look as if users had been logged out.
    if (error.code === 'ESECRET' || error.code === 'EPLAIN' || error.code === 'ECODEC') {
      this.#warnOnce(
        `${error.message}. Sessions like it count as none.`,
        `CONNECT_SOLIDIS_${error.code}`,
      )
    }
    this.#tell('invalid', { sid, error })
  }

  /** A store around this one has to let it make the sessions, or what they were loaded from is lost. */
  #warnOfWrapper(session: SessionData): void {
    const { sessionStore } = Object((session as Partial<Session> & { req?: object }).req)
    if (sessionStore === undefined || sessionStore === this) return
    this.#warnOnce(
      'A store around SolidisStore has to forward createSession(req, session) to it: else concurrent ' +
        'requests overwrite each other. See "Stores around it" in docs/concurrency.md.',
      'CONNECT_SOLIDIS_WRAPPED',
    )
  }

  #warnOnce(message: string, code: string): void {
    if (this.#warned.has(code)) return
    this.#warned.add(code)
    process.emitWarning(message, { code })
  }

  /** What a listener throws is its own affair, not that of the call in which it is told. */
  #tell<E extends keyof SolidisStoreEvents>(event: E, ...what: SolidisStoreEvents[E]): void {
    publish(event, ...what)
    try {
      this.emit(event, ...what)
    } catch (error) {
      process.nextTick(() => {
        throw error
      })
    }
  }
}

function checkValue(value: unknown): void {
  if (typeof value !== 'string') throw badArgument('value', 'a string', value)
}

export interface SolidisStore {
  on<E extends keyof SolidisStoreEvents>(name: E, listener: Listener<E>): this
  on(name: string | symbol, listener: (...args: never[]) => void): this
  once<E extends keyof SolidisStoreEvents>(name: E, listener: Listener<E>): this
  once(name: string | symbol, listener: (...args: never[]) => void): this
  off<E extends keyof SolidisStoreEvents>(name: E, listener: Listener<E>): this
  off(name: string | symbol, listener: (...args: never[]) => void): this
}

/** What a method that visits many sessions was given. */
type Walked<T = void> = [first?: Callback<T> | WalkOptions | null | undefined]

type Listener<E extends keyof SolidisStoreEvents> = (...args: SolidisStoreEvents[E]) => void
