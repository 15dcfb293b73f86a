import { type Session, type SessionData, Store } from 'express-session'
import { type Callback, complete, promiseOf, run, settle, whenReady } from './callback.ts'
import type { OnConflict } from './concurrency/merge.ts'
import { backOff, MAX_ATTEMPTS, type Write, WriteQueue } from './concurrency/queue.ts'
import { LoadedSessions } from './concurrency/snapshot.ts'
import { badArgument, RedisError, SessionConflictError } from './errors.ts'
import { resolveOptions, type SolidisStoreOptions } from './options.ts'
import type { Outcome } from './redis/call.ts'
import type { SolidisLike } from './redis/client.ts'
import { extend, set } from './redis/commands.ts'
import { TimeLimit } from './redis/deadline.ts'
import { Redis } from './redis/redis.ts'
import { Decoder } from './session/decoder.ts'
import { correctExpires, remainingLife } from './session/expiry.ts'
import {
  encode,
  InvalidSessionError,
  isObject,
  type Payload,
  payloadOf,
  type Serializer,
} from './session/payload.ts'
import { type Ttl, timeToLive } from './session/ttl.ts'
import { scanPages, scanUniquePages } from './walk/scan.ts'

/** So many are more than anybody has by mistake; the first are forgotten then. */
const MAX_COOKIELESS = 1000

/** A session as `all` gives it, with its id. */
export type SessionWithId = SessionData & { id: string }

// biome-ignore lint/suspicious/noConfusingVoidType: most changes are functions that return nothing
type Changed = SessionData | undefined | void

/** Changes a session in place, or returns what to put in its place. */
export type Change = (session: SessionData) => Changed | Promise<Changed>

/**
 * Keeps the sessions of express-session in Redis.
 *
 * Every method takes a Node-style callback or, without one, returns a promise. It fails with a
 * `RedisError` if Redis refuses a command, cannot be reached, or does not answer within `timeout`
 * (then `error.code` is `'ETIMEDOUT'`), and with a `TypeError` if an argument is not what it should
 * be.
 *
 * Two events tell what is no error to anybody: `'invalid'` with `{ sid, error }`, when what Redis
 * holds is no session, and `'gone'` with `{ sid }`, when a session was not written or touched because
 * it had been destroyed or had expired in the meantime.
 *
 * @example
 * app.use(session({ store: new SolidisStore({ client }), secret, resave: false, saveUninitialized: false }))
 */
export class SolidisStore extends Store {
  readonly client: SolidisLike
  readonly prefix: string
  readonly ttl: Ttl
  readonly disableTTL: boolean
  readonly disableTouch: boolean
  readonly touchAfter: number
  readonly scanCount: number
  readonly serializer: Serializer
  readonly onConflict: OnConflict
  readonly timeout: number

  readonly #redis: Redis
  readonly #decoder: Decoder
  readonly #loaded = new LoadedSessions()
  readonly #writes: WriteQueue
  /** The ids of sessions that a caller stored without a cookie. */
  readonly #cookieless = new Set<string>()

  /** @throws TypeError that names a bad option, what was expected and what was given */
  constructor(options: SolidisStoreOptions) {
    super()
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
    this.#redis = new Redis(this.client, new TimeLimit(this.timeout))
    this.#decoder = new Decoder(this.serializer)
    this.#writes = new WriteQueue(this.#redis, this.serializer, this.#loaded)
  }

  /**
   * Gives the session, with the `cookie.expires` that Redis will apply, or `null` if there is none.
   * What is in Redis but is no session counts as none, and is told of by an `'invalid'` event.
   */
  override get(sid: string): Promise<SessionData | null>
  override get(sid: string, callback: Callback<SessionData | null>): void
  override get(sid: string, callback?: Callback<SessionData | null>) {
    return run((done) => this.#get(sid, done), callback)
  }

  /**
   * Writes a session, to live as long as `ttl` and its cookie say. One that this store gave out is
   * written only if it is still there (else nothing is, and a `'gone'` event tells of it), and
   * together with what others have changed in it since (see `onConflict`).
   */
  override set(sid: string, session: SessionData): Promise<void>
  override set(sid: string, session: SessionData, callback: Callback | undefined): void
  override set(sid: string, session: SessionData, callback?: Callback) {
    return run((done) => this.#set(sid, session, done), callback)
  }

  /** Removes a session. There need not be one. */
  override destroy(sid: string): Promise<void>
  override destroy(sid: string, callback: Callback | undefined): void
  override destroy(sid: string, callback?: Callback) {
    return run((done) => this.#destroy(sid, done), callback)
  }

  /**
   * Lets a session live on as `ttl` and its cookie say, and writes nothing else. If there is none, a
   * `'gone'` event tells of it.
   */
  override touch(sid: string, session: SessionData): Promise<void>
  override touch(sid: string, session: SessionData, callback: Callback | undefined): void
  override touch(sid: string, session: SessionData, callback?: Callback) {
    return run((done) => this.#touch(sid, session, done), callback)
  }

  /** Gives every session, each with its `id`; what is no session is left out, as in `get`. */
  override all(): Promise<SessionWithId[]>
  override all(callback: Callback<SessionWithId[]>): void
  override all(callback?: Callback<SessionWithId[]>) {
    return run((done) => settle(this.#all(), done), callback)
  }

  /** Gives the number of sessions. */
  override length(): Promise<number>
  override length(callback: Callback<number>): void
  override length(callback?: Callback<number>) {
    return run((done) => settle(this.#length(), done), callback)
  }

  /** Removes every session, page by page. */
  override clear(): Promise<void>
  override clear(callback: Callback | undefined): void
  override clear(callback?: Callback) {
    return run((done) => settle(this.#clear(), done), callback)
  }

  /** Gives the id of every session. */
  ids(): Promise<string[]>
  ids(callback: Callback<string[]>): void
  ids(callback?: Callback<string[]>) {
    return run((done) => settle(this.#ids(), done), callback)
  }

  /** Gives whether there is a session, without loading it. */
  exists(sid: string): Promise<boolean>
  exists(sid: string, callback: Callback<boolean>): void
  exists(sid: string, callback?: Callback<boolean>) {
    return run((done) => this.#exists(sid, done), callback)
  }

  /**
   * Changes a session from outside a request, atomically: if another changes it at the same time,
   * `change` is called again on the fresh data. Gives the new session, or `null` if there is none.
   * @param change changes the session in place, or returns a new one; may be asynchronous. What it
   * throws is what `update` fails with.
   */
  update(sid: string, change: Change): Promise<SessionData | null>
  update(sid: string, change: Change, callback: Callback<SessionData | null>): void
  update(sid: string, change: Change, callback?: Callback<SessionData | null>) {
    return run((done) => settle(this.#update(sid, change), done), callback)
  }

  /** Makes the `Session` of a request of what `get` gave. Called by express-session. */
  override createSession(
    req: Parameters<Store['createSession']>[0],
    data: SessionData,
  ): Session & SessionData {
    const session = super.createSession(req, data)
    this.#loaded.carryOver(data, session)
    return session
  }

  #get(sid: string, done: Callback<SessionData | null>): void {
    const key = this.#key(sid)
    const commands = [['GET', key]]
    if (!this.disableTTL) commands.push(['PTTL', key])
    this.#redis.send(commands, (error, [payload, pttl]) => {
      if (error !== null) done(error)
      else complete(() => this.#load(sid, payload, pttl as number), done)
    })
  }

  #load(sid: string, reply: Outcome | undefined, pttl: number | undefined) {
    const life = remainingLife(pttl)
    if (reply === null || life === 0) {
      this.#decoder.forget(sid)
      return null
    }
    const expiresAt = Date.now() + life
    const payload = payloadOf(reply)
    const load = (session: SessionData | null) => {
      if (session === null) return null
      const expires = session.cookie?.expires
      this.#loaded.remember(session, { sid, held: payload, payload, expires, expiresAt })
      correctExpires(session, expiresAt)
      return session
    }
    const session = this.#decode(sid, payload)
    return session instanceof Promise ? session.then(load) : load(session)
  }

  #set(sid: string, session: SessionData, done: Callback): void {
    this.#write(sid, session, this.onConflict, (error, written) => {
      if (written) done(null)
      else complete(() => this.#unwritten(sid, error, written), done)
    })
  }

  /** Calls back with whether the session was written; `null` if it was over and need not be. */
  #write(
    sid: string,
    session: SessionData,
    onConflict: OnConflict,
    done: Callback<boolean | null>,
  ): void {
    const key = this.#key(sid)
    if (isUnsendable(session) && !this.#loaded.isKnown(session)) {
      process.nextTick(done, null, null)
      return
    }
    const life = this.#timeToLive(session)
    if (life <= 0) {
      this.#destroy(sid, (error) => done(error, null))
      return
    }
    this.#noteCookie(sid, session)
    const expires = session.cookie?.expires
    whenReady(encode(this.serializer, session), done, (payload) => {
      const write = { sid, key, session, payload, expires, life, onConflict, done }
      if (this.#loaded.originOf(session, sid) === undefined) this.#create(write)
      else this.#writes.write(write)
    })
  }

  /** Writes a session that was not loaded from here, whatever there is. */
  #create({ sid, key, session, payload, expires, life, done }: Write): void {
    this.#redis.send([set(key, payload, life)], (error) => {
      // A plain object, given by hand, is written like this every time.
      const isNew = isOfRequest(session) && session.id === sid && !this.#loaded.isKnown(session)
      if (error === null && isNew) {
        const expiresAt = Date.now() + life
        this.#loaded.remember(session, { sid, held: payload, payload, expires, expiresAt })
      }
      done(error, error === null)
    })
  }

  /**
   * Tells of a session that was not written because there is none, or none to merge it with.
   * @throws any other error
   */
  #unwritten(sid: string, error: unknown, written: boolean | null | undefined): void {
    if (error !== null) this.#invalid(sid, error)
    else if (written === false) this.#gone(sid)
  }

  #destroy(sid: string, done: Callback): void {
    const key = this.#key(sid)
    this.#cookieless.delete(sid)
    this.#decoder.forget(sid)
    this.#redis.send([['UNLINK', key]], (error) => done(error))
  }

  #touch(sid: string, session: SessionData, done: Callback): void {
    if (this.disableTouch || this.disableTTL) {
      process.nextTick(done, null)
      return
    }
    const key = this.#key(sid)
    const life = this.#timeToLive(session)
    if (this.touchAfter > 0 && this.#isTooSoon(sid, session, life)) {
      process.nextTick(done, null)
      return
    }
    this.#redis.send([extend(key, life)], (error, [extended]) => {
      if (error !== null || extended === 1) done(error)
      else complete(() => this.#gone(sid), done)
    })
  }

  /** Whether a touch would extend a session's life by less than `touchAfter`. */
  #isTooSoon(sid: string, session: SessionData, life: number): boolean {
    const expiresAt = this.#loaded.originOf(session, sid)?.expiresAt ?? 0
    const extension = Date.now() + life - expiresAt
    return extension >= 0 && extension < this.touchAfter * 1000
  }

  async #all(): Promise<SessionWithId[]> {
    const sessions: SessionWithId[] = []
    for await (const keys of scanUniquePages(this.#redis, this.prefix, this.scanCount)) {
      const replies = await this.#redis.each(keys.map((key) => ['GET', key]))
      const page = replies.map((reply, i) => this.#sessionOf(keys[i] as string, reply))
      for (const session of await Promise.all(page)) if (session !== null) sessions.push(session)
    }
    return sessions
  }

  async #sessionOf(key: string, reply: Outcome): Promise<SessionWithId | null> {
    const id = key.slice(this.prefix.length)
    if (reply instanceof RedisError) {
      if (reply.code !== 'WRONGTYPE') throw reply
      this.emit('invalid', { sid: id, error: reply })
      return null
    }
    const session = reply === null ? null : await this.#decode(id, payloadOf(reply))
    return session === null ? null : Object.assign(session, { id })
  }

  async #length(): Promise<number> {
    let length = 0
    for await (const keys of scanUniquePages(this.#redis, this.prefix, this.scanCount)) {
      length += keys.length
    }
    return length
  }

  async #clear(): Promise<void> {
    for await (const keys of scanPages(this.#redis, this.prefix, this.scanCount)) {
      for (const key of keys) this.#decoder.forget(key.slice(this.prefix.length))
      await this.#redis.pipeline(keys.map((key) => ['UNLINK', key]))
    }
  }

  async #ids(): Promise<string[]> {
    const ids: string[] = []
    for await (const keys of scanUniquePages(this.#redis, this.prefix, this.scanCount)) {
      for (const key of keys) ids.push(key.slice(this.prefix.length))
    }
    return ids
  }

  #exists(sid: string, done: Callback<boolean>): void {
    this.#redis.send([['EXISTS', this.#key(sid)]], (error, [count]) => {
      if (error === null) done(null, count === 1)
      else done(error)
    })
  }

  async #update(sid: string, change: Change): Promise<SessionData | null> {
    if (typeof change !== 'function') throw badArgument('change', 'a function', change)
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      const session = await this.get(sid)
      if (session === null) return null
      const changed = (await change(session)) ?? session
      if (typeof changed !== 'object') throw badArgument('change(session)', 'a session', changed)
      this.#loaded.carryOver(session, changed)
      try {
        const written = await promiseOf<boolean | null>((done) => {
          this.#write(sid, changed, 'reject', done)
        })
        if (written) return changed
        this.#unwritten(sid, null, written)
        return null
      } catch (error) {
        if (!(error instanceof SessionConflictError)) throw error
        await backOff(attempt)
      }
    }
    throw new SessionConflictError(sid)
  }

  #key(sid: string): string {
    if (typeof sid !== 'string') throw badArgument('sid', 'a string', sid)
    return this.prefix + sid
  }

  /**
   * A session without a cookie is no session; but one that a caller put there is the caller's mistake.
   * That is given back as it was put, as by any store, and express-session complains of it.
   */
  #noteCookie(sid: string, session: SessionData): void {
    const cookieless = this.#cookieless
    if (cookieless.size > 0) cookieless.delete(sid)
    if (isObject(session.cookie)) return
    cookieless.add(sid)
    if (cookieless.size > MAX_COOKIELESS) cookieless.delete(firstOf(cookieless))
  }

  /** In milliseconds; `Infinity` where keys never expire. */
  #timeToLive(session: SessionData): number {
    if (!isObject(session)) throw badArgument('session', 'an object', session)
    return this.disableTTL ? Infinity : timeToLive(session, this.ttl)
  }

  /** Gives null, and tells of it, if the payload is no session. */
  #decode(sid: string, payload: Payload): SessionData | null | Promise<SessionData | null> {
    const failed = (error: unknown) => {
      this.#invalid(sid, error)
      return null
    }
    try {
      const session = this.#decoder.decode(sid, payload, this.#cookieless.has(sid))
      return session instanceof Promise ? session.catch(failed) : session
    } catch (error) {
      return failed(error)
    }
  }

  #invalid(sid: string, error: unknown): void {
    if (!(error instanceof InvalidSessionError)) throw error
    this.emit('invalid', { sid, error })
  }

  #gone(sid: string): void {
    this.emit('gone', { sid })
  }
}

function firstOf<T>(set: Set<T>): T {
  return set.values().next().value as T
}

/** Whether express-session made it for a request; there may be several copies of that package. */
function isOfRequest(session: SessionData): session is SessionData & Session {
  return typeof (session as Partial<Session> | null | undefined)?.save === 'function'
}

/**
 * Whether a session of a request has a cookie that cannot be sent, so that nobody will ever ask for
 * the session. express-session reports the invalid date itself, when it sets the cookie.
 */
function isUnsendable(session: SessionData): boolean {
  if (!isOfRequest(session)) return false
  const { expires } = session.cookie
  return expires instanceof Date && Number.isNaN(expires.getTime())
}
