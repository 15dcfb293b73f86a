import type { Session, SessionData } from 'express-session'
import { type Callback, promiseOf } from '../callback.ts'
import { badArgument, InvalidSessionError, isObject, RedisError } from '../errors.ts'
import type { IndexBy } from '../owners/members.ts'
import { type Listing, type MaxSessions, Owners } from '../owners/owners.ts'
import type { Call } from '../redis/call.ts'
import type { Reply } from '../redis/client.ts'
import { DESTROY, KEEP, TOUCH } from '../redis/commands.ts'
import type { Redis } from '../redis/redis.ts'
import type { Outcome } from '../redis/replies.ts'
import { type CookieData, cookieData, dateOf, isSameButForExpires } from '../session/cookie.ts'
import { Names } from '../session/name.ts'
import { Codec, type CodecOptions, type Payload, payloadOf } from '../session/payload.ts'
import { ForeignPayloadError } from '../session/sealing.ts'
import { isOver, type LifeOptions, Lives, lengthenedFrom } from './lives.ts'
import { hasChanges, type Merge, mergeBy, mergeSessions, type OnConflict } from './merge.ts'
import { Queue } from './queue.ts'
import { Reader } from './reader.ts'
import { carrySnapshot, type Form, isOfRequest, type Snapshot, snapshotOf } from './snapshot.ts'
import { applyChange, type Change } from './update.ts'
import type { Write, WriteOutcome } from './write.ts'
import { Writer } from './writer.ts'

/** A session with its id. */
export type SessionWithId = SessionData & { id: string }

export interface SessionsOptions extends LifeOptions, CodecOptions {
  readonly hashKeys: boolean
  readonly disableTouch: boolean
  readonly onConflict: OnConflict
  readonly indexBy: IndexBy | undefined
  readonly maxSessions: MaxSessions | undefined
}

/** What is made of a payload, or `null` where that is no session; a promise if it takes its time. */
type Loading<T> = T | null | Promise<T | null>

/** Who is told of what is no error to anybody. */
export interface Listener {
  invalid(sid: string, error: InvalidSessionError | RedisError): void
  gone(sid: string): void
  /** A session was ended for the sake of another of the same owner. */
  evicted(sid: string, value: string): void
  /** A session of a request was written that is not known from `createSession`. */
  unknown(session: SessionData): void
}

/** What is done to one session at a time, each call in its place among those of its session. */
export class Sessions {
  /** Whose they are, where that is asked. */
  readonly owners: Owners | undefined
  readonly codec: Codec
  readonly names: Names
  readonly #reader: Reader
  readonly #redis: Redis
  readonly #options: SessionsOptions
  readonly #listener: Listener
  readonly #lives: Lives
  readonly #writer: Writer
  readonly #queue: Queue
  /** Whether sessions were given, but never one of a request made of them; unknown until one is given. */
  #isBypassed: boolean | undefined

  constructor(redis: Redis, options: SessionsOptions, listener: Listener) {
    this.#redis = redis
    this.#options = options
    this.#listener = listener
    this.names = new Names(options.hashKeys)
    this.codec = new Codec(options)
    this.#lives = new Lives(options)
    this.owners = this.#ownersOf(options)
    this.#reader = new Reader(redis, this.codec, this.#lives, this.owners, this, listener.invalid)
    this.#writer = new Writer(redis, this.codec, this.owners)
    this.#queue = new Queue(this.#writer)
  }

  #ownersOf({ prefix, indexBy, maxSessions }: SessionsOptions): Owners | undefined {
    if (indexBy === undefined) return undefined
    return new Owners(this.#redis, {
      prefix,
      indexBy,
      maxSessions,
      names: this.names,
      load: (...loaded) => this.listed(...loaded),
      onEvicted: this.#listener.evicted,
    })
  }

  get(id: string, call: Call<SessionData | null>): void {
    const sid = this.names.of(id)
    const key = this.#key(sid)
    this.#queue.after(sid, 'read', () => {
      this.#reader.read(sid, key, call, (error, session) => {
        this.#isBypassed ??= session ? true : undefined
        call.trace?.ends(session ? 'found' : 'none')
        call.settle(error, session)
      })
    })
  }

  exists(id: string, call: Call<boolean>): void {
    const sid = this.names.of(id)
    const key = this.#key(sid)
    this.#queue.after(sid, 'read', () => {
      call.trace?.asks()
      this.#redis.send(['EXISTS', key], (error, count) => {
        const isThere = Number(count) === 1
        call.trace?.ends(isThere ? 'found' : 'none')
        call.settle(error, isThere)
      })
    })
  }

  set(id: string, session: SessionData, call: Call<void>): void {
    const sid = this.nameOf(id, session)
    const key = this.#key(sid)
    checkSession(session)
    const snapshot = this.#snapshotOf(session, sid)
    if (snapshot === undefined && this.#isBypassed) this.#listener.unknown(session)
    const cookie = cookieData(session)
    const isNewOfRequest = snapshot === undefined && isOfRequest(session, id)
    if (isNewOfRequest && Number.isNaN(dateOf(cookie.expires))) {
      // express-session says so itself, when it sets the cookie; nobody will ever ask for the session.
      call.trace?.ends('spared')
      call.succeed()
      return
    }
    const createdAt = this.#lives.createdAtOf(snapshot)
    const expiry = this.#lives.expiryToSet(session, cookie, snapshot, createdAt)
    if (snapshot !== undefined) snapshot.cookieAsked = cookie
    if (isOver(expiry)) {
      this.#destroy([sid], call)
      return
    }
    const payload = this.#encode(sid, session, snapshot, createdAt)
    const merge = mergeBy(this.#options.onConflict, sid)
    const done = this.#whenWritten(sid, call, () => call.succeed())
    const value = this.owners?.valueOf(session)
    const isAlone = this.#options.onConflict === 'reject' || this.#isLimited(value, snapshot)
    const write: Write = {
      owner: this,
      lives: this.#lives,
      sid,
      key,
      session,
      payload,
      cookie,
      expiry,
      value,
      createdAt,
      merge,
      isAlone,
      isNewOfRequest,
      call,
      done,
    }
    const isOfUnknownAge = snapshot === undefined && !isNewOfRequest
    if (this.#lives.isLimited && isOfUnknownAge) this.#writeInItsAge(write, call)
    else this.#queue.write(write)
  }

  /** Whether a write may be refused because its owner has too many sessions. */
  #isLimited(value: string | undefined, snapshot: Snapshot | undefined): boolean {
    return this.#options.maxSessions !== undefined && value !== snapshot?.value
  }

  /** What was loaded from elsewhere, or is set by hand, is not younger than what is there. */
  #writeInItsAge(write: Write, call: Call<void>): void {
    const { sid, key, expiry } = write
    this.#task(sid, call, async () => {
      const createdAt = (await this.#createdAt(sid, key, call)) ?? write.createdAt
      const end = this.#lives.endOf(createdAt)
      const session = await this.codec.decode(sid, await write.payload)
      const payload = this.codec.encode(sid, session, createdAt)
      const expiryInAge = expiry === KEEP ? expiry : Math.min(expiry, end)
      await this.#writeAlone({ ...write, createdAt, payload, expiry: expiryInAge })
    })
  }

  #read(sid: string, key: string, call: Call<never>): Promise<SessionData | null> {
    return promiseOf((done: Callback<SessionData | null>) => {
      this.#reader.read(sid, key, call, done)
    })
  }

  async #createdAt(sid: string, key: string, call: Call<never>): Promise<number | undefined> {
    const session = await this.#read(sid, key, call)
    return session === null ? undefined : this.#snapshotOf(session, sid)?.createdAt
  }

  touch(id: string, session: SessionData, call: Call<void>): void {
    const sid = this.nameOf(id, session)
    const key = this.#key(sid)
    checkSession(session)
    const { disableTouch, disableTTL } = this.#options
    if (disableTouch || disableTTL) {
      call.trace?.ends('spared')
      call.succeed()
      return
    }
    const snapshot = this.#snapshotOf(session, sid)
    if (snapshot === undefined && this.#lives.isLimited) {
      this.#touchInItsAge(sid, key, session, call)
      return
    }
    const cookie = cookieData(session)
    const expiry = this.#lives.expiryOf(session, snapshot?.createdAt)
    const isSame = snapshot === undefined || isSameButForExpires(cookie, snapshot.cookie)
    if (isSame && snapshot !== undefined && this.#lives.isSpared(snapshot, expiry)) {
      call.trace?.ends('spared')
      call.succeed()
      return
    }
    if (snapshot !== undefined) snapshot.cookieAsked = cookie
    if (snapshot !== undefined && !isSame) {
      this.#setCookie(sid, key, session, snapshot, cookie, expiry, call)
      return
    }
    const expire = () => this.#expire(sid, key, expiry, cookie, snapshot, call)
    const listing = this.#listingOf(sid, session, snapshot, expiry)
    if (this.owners?.mustExtend(listing)) {
      this.#task(sid, call, async () => {
        call.trace?.asks()
        await this.owners?.extend(listing, call.deadline)
        expire()
      })
    } else this.#queue.after(sid, 'touch', expire)
  }

  #listingOf(
    sid: string,
    session: SessionData,
    snapshot: Snapshot | undefined,
    expiresAt: number,
  ): Listing {
    const value = snapshot === undefined ? this.owners?.valueOfLoaded(session) : snapshot.value
    const expiresAtBefore = snapshot?.expiresAt ?? Number.NEGATIVE_INFINITY
    return { sid, value, expiresAt, expiresAtBefore }
  }

  #touchInItsAge(sid: string, key: string, session: SessionData, call: Call<void>): void {
    const cookie = cookieData(session)
    this.#task(sid, call, async () => {
      const expiry = this.#lives.expiryOf(session, await this.#createdAt(sid, key, call))
      const listing = this.#listingOf(sid, session, undefined, expiry)
      if (this.owners?.mustExtend(listing)) {
        call.trace?.asks()
        await this.owners.extend(listing, call.deadline)
      }
      this.#expire(sid, key, expiry, cookie, undefined, call)
    })
  }

  destroy(id: string, call: Call<void>): void {
    const sid = this.names.of(id)
    // What `ids` gave is a name already, and looks like the ids of some apps.
    this.#destroy(this.names.isDigest(id) ? [id, sid] : [sid], call)
  }

  #destroy([sid, ...others]: string[], call: Call<void>): void {
    if (sid === undefined) {
      call.succeed()
      return
    }
    const key = this.#key(sid)
    this.#task(sid, call, async () => {
      call.trace?.asks()
      // Asked for first, since the two go together.
      const value = this.#valueOf(sid, key)
      await promiseOf<Reply>((done) => {
        this.#redis.runInTime(DESTROY, key, [], call.deadline, done)
      })
      this.#destroy(others, call)
      await this.#forget(sid, await value)
    })
  }

  /** Whose a session in Redis is; `undefined` where that cannot be told. */
  async #valueOf(sid: string, key: string): Promise<string | undefined> {
    if (this.owners === undefined) return undefined
    try {
      const [payload] = await promiseOf<Outcome[]>((done) => this.#redis.get(key, done))
      return this.owners.valueOfLoaded(await this.codec.decode(sid, payloadOf(payload)))
    } catch {
      return undefined
    }
  }

  /** Removes a session that is gone from those of its owner. Where that fails, it costs work later. */
  async #forget(sid: string, value: string | undefined): Promise<void> {
    if (value !== undefined) await this.owners?.forget(value, sid).catch(() => {})
  }

  update(id: string, change: Change, call: Call<SessionData | null>): void {
    if (typeof change !== 'function') throw badArgument('change', 'a function', change)
    const sid = this.names.of(id)
    const key = this.#key(sid)
    this.#task(sid, call, async (next) => {
      const session = await this.#read(sid, key, call)
      if (session === null) {
        call.trace?.ends('none')
        return call.succeed(null)
      }
      const before = this.#lives.causeOf(session)
      const { forms } = this.#snapshotOf(session, sid) as Snapshot
      const changing = applyChange(change, session)
      // Others need not wait for a change that takes its time, unless it loses against them.
      if (changing instanceof Promise) next()
      const changed = await changing
      const isMoved = this.#lives.causeOf(changed) !== before
      const loaded = await this.codec.decode(sid, (forms[0] as Form).own as Payload)
      if (!isMoved && !hasChanges(loaded, changed)) {
        call.trace?.ends('spared')
        return call.succeed(changed)
      }
      const write = this.#toUpdate(sid, key, change, changed, isMoved, call)
      if (changing instanceof Promise) return this.#queue.write(write)
      await this.#writeAlone(write)
    })
  }

  /** Makes a session, with its id, of what GET and PTTL gave of a key. Never throws, but may reject. */
  listed(sid: string, payload: Outcome, pttl: Outcome): Loading<SessionWithId> {
    return mapped(this.#loadOrVerify(sid, payload, pttl), (session) => {
      const snapshot = this.#snapshotOf(session, sid) as Snapshot
      snapshot.ownId = (session as { id?: unknown }).id
      return Object.assign(session, { id: sid })
    })
  }

  /** Makes a session, beside its id, of what GET and PTTL gave of a key. Never throws, but may reject. */
  entry(
    sid: string,
    payload: Outcome,
    pttl: Outcome,
  ): Loading<[sid: string, session: SessionData]> {
    return mapped(this.#loadOrVerify(sid, payload, pttl), (session) => [sid, session])
  }

  #loadOrVerify(sid: string, payload: Outcome, pttl: Outcome): Loading<SessionData> {
    const failed = (error: unknown) => {
      if (!(error instanceof ForeignPayloadError)) return Promise.reject(error)
      return promiseOf<null>((done) => this.#reader.verify(sid, this.#key(sid), undefined, done))
    }
    try {
      const session = this.#reader.load(sid, payload, pttl)
      return session instanceof Promise ? session.catch(failed) : session
    } catch (error) {
      return failed(error)
    }
  }

  /** A session object was made of what `get` gave. */
  created(data: SessionData, session: Session & SessionData): void {
    this.#isBypassed = false
    carrySnapshot(data, session)
    if (typeof session.id !== 'string') return
    const snapshot = this.#snapshotOf(session, this.names.of(session.id))
    // That of express-session has the defaults of its attributes, which are no changes.
    if (snapshot !== undefined) snapshot.cookie = cookieData(session)
  }

  /** Lets a call be the only one of its session, until it is over or calls `next`. */
  #task<T>(sid: string, call: Call<T>, run: (next: () => void) => Promise<void>): void {
    this.#queue.task(sid, (next) => {
      if (call.isOver) return next()
      call.whenExpired(() => next())
      run(next)
        .catch((error) => call.fail(error))
        .then(() => next())
    })
  }

  #writeAlone(write: Write): Promise<void> {
    return new Promise((written) => this.#writer.write([write], undefined, () => written()))
  }

  #toUpdate(
    sid: string,
    key: string,
    change: Change,
    changed: SessionData,
    isMoved: boolean,
    call: Call<SessionData | null>,
  ): Write {
    let result = changed
    const merge: Merge = async (_base, theirs) => {
      result = await applyChange(change, theirs)
      return result
    }
    const done = this.#whenWritten(sid, call, (outcome) => {
      carrySnapshot(changed, result)
      call.succeed(outcome === 'written' ? result : null)
    })
    const snapshot = this.#snapshotOf(changed, sid) as Snapshot
    const createdAt = this.#lives.createdAtOf(snapshot)
    const payload = this.#encode(sid, changed, undefined, createdAt)
    const expiry = isMoved
      ? this.#lives.expiryOf(changed, createdAt)
      : this.#lives.keptBy(snapshot, createdAt)
    const cookie = cookieData(changed)
    const value = this.owners?.valueOf(changed)
    const isAlone = this.#isLimited(value, snapshot)
    const how = { expiry, value, createdAt, merge, isAlone, call, done }
    return { owner: this, lives: this.#lives, sid, key, session: changed, payload, cookie, ...how }
  }

  /** A touch of a session whose cookie was changed in more than its date: it writes nothing else. */
  #setCookie(
    sid: string,
    key: string,
    session: SessionData,
    snapshot: Snapshot,
    cookie: CookieData,
    expiry: number,
    call: Call<void>,
  ): void {
    const asItIs = { ...session, cookie }
    // What it was loaded from, or written as, is settled once the writes before it are done.
    this.#task(sid, call, async () => {
      const [form, ...others] = snapshot.forms as [Form, ...Form[]]
      // After a write without an answer, there is no telling what else is to stay as it is.
      const isKnown = others.length === 0
      const touched = isKnown
        ? { ...(await this.codec.decode(sid, form.own as Payload)), cookie }
        : asItIs
      const createdAt = this.#lives.createdAtOf(snapshot)
      const payload = this.#encode(sid, touched as never, snapshot, createdAt)
      const done = this.#whenWritten(sid, call, () => call.succeed())
      const value = this.owners?.valueOf(touched as never)
      const merge = mergeSessions
      const what = { sid, key, session, payload, cookie, expiry, value, createdAt }
      await this.#writeAlone({ owner: this, lives: this.#lives, ...what, merge, call, done })
    })
  }

  #expire(
    sid: string,
    key: string,
    expiry: number,
    cookie: CookieData,
    snapshot: Snapshot | undefined,
    call: Call<void>,
  ): void {
    if (call.isOver) return
    const ttlMs = Math.ceil(expiry - Date.now())
    const args = [String(ttlMs), String(lengthenedFrom(snapshot, ttlMs))]
    // Who has moved its life may have given it another owner, who has it listed for that long only.
    const isLeft = this.owners !== undefined && Number.isFinite(snapshot?.expiresAt)
    if (isLeft) args.push(String(Math.ceil((snapshot as Snapshot).expiresAt - Date.now())))
    call.trace?.asks()
    this.#redis.runInTime(TOUCH, key, args, call.deadline, (error, outcome) => {
      if (error !== null) return call.fail(error)
      if (outcome === null) {
        call.trace?.ends('gone')
        this.#listener.gone(sid)
      } else if (snapshot !== undefined) {
        snapshot.expiresAt = expiry
        snapshot.cookie = cookie
      }
      call.succeed()
    })
  }

  #snapshotOf(session: SessionData, sid: string): Snapshot | undefined {
    return snapshotOf(session, this, sid)
  }

  #encode(
    sid: string,
    session: SessionData,
    snapshot: Snapshot | undefined,
    createdAt: number | undefined,
  ): Payload | Promise<Payload> {
    const hasOwnId = snapshot !== undefined && 'ownId' in snapshot
    const own = hasOwnId ? ({ ...session, id: snapshot.ownId } as SessionData) : session
    const payload = this.codec.encode(sid, own, createdAt)
    // Who writes it may come to it only when it has failed.
    if (payload instanceof Promise) payload.catch(() => {})
    return payload
  }

  /** Tells of what was not written because there is no session any more, or none to merge it with. */
  #whenWritten(
    sid: string,
    call: Call<never>,
    finish: (outcome: WriteOutcome) => void,
  ): Write['done'] {
    return (error, outcome = 'gone') => {
      const isBadData =
        error instanceof InvalidSessionError ||
        (error instanceof RedisError && error.code === 'WRONGTYPE')
      if (call.isOver) return
      if (error instanceof ForeignPayloadError) {
        this.#reader.verify(sid, this.#key(sid), call, (failure) => {
          if (failure === null) finish('gone')
          else call.fail(failure)
        })
        return
      }
      if (isBadData) this.#listener.invalid(sid, error)
      else if (error !== null) return call.fail(error)
      else if (outcome === 'gone') this.#listener.gone(sid)
      call.trace?.ends(isBadData ? 'invalid' : outcome)
      finish(outcome)
    }
  }

  /** By what name a session is known: what a list gave, with a session of it, is a name already. */
  nameOf(id: string, session: SessionData): string {
    const isListed = this.names.isDigest(id) && isObject(session) && this.#snapshotOf(session, id)
    return isListed ? id : this.names.of(id)
  }

  #key(sid: string): string {
    return this.#options.prefix + sid
  }
}

function mapped<T>(loading: Loading<SessionData>, make: (session: SessionData) => T): Loading<T> {
  if (loading instanceof Promise) return loading.then((session) => mapped(session, make))
  return loading === null ? null : make(loading)
}

function checkSession(session: SessionData): void {
  const isSession = isObject(session) && !Array.isArray(session)
  const { cookie } = Object(session)
  if (isSession && (cookie === undefined || isObject(cookie))) return
  throw badArgument('session', 'an object with a cookie', session)
}
