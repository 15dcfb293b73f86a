import expressSession, { type SessionData } from 'express-session'
import { type OnConflict, type SolidisLike, SolidisStore } from '../../lib/index.ts'
import type { Data, FakeRequest, RequestSession } from '../support/requests.ts'
import type { History } from './history.ts'
import type { Policy } from './oracle.ts'
import { type Attributes, type Call, type Cookie, Handle, NAMES, type Oracle } from './oracle.ts'
import type { Random } from './random.ts'
import { dateAt, type VirtualTime } from './virtual-time.ts'

type Failure = (Error & { code?: string }) | null
type Done<T> = (error: Error | null, result?: T) => void

/** An object that an actor works on, and what the oracle knows of it. */
interface Held {
  readonly handle: Handle
  readonly session: Data
  readonly req: FakeRequest | undefined
}

const MAX_AGES_MS = [3000, 40_000, 3_600_000, 86_400_000]
const PAUSES_MS = [0, 1, 3, 10, 30, 100]

/** What all actors of a world share. */
export interface World {
  readonly time: VirtualTime
  readonly random: Random
  readonly history: History
  readonly oracle: Oracle
  readonly timeout: number
  readonly maxAge: number
  /** How many sessions were made. */
  readonly made: { count: number }
  /** Those that others know of, too: nobody does before the first save is over. */
  readonly sids: string[]
  /** Whether serializers are asynchronous. */
  readonly isSlow: boolean
}

/** One process with a store. */
export class Process {
  readonly store: SolidisStore
  readonly policy: Policy
  readonly number: number
  readonly #world: World
  readonly #goneAt = new Map<string, number>()

  constructor(world: World, number: number, client: SolidisLike, policy: Policy) {
    this.#world = world
    this.number = number
    this.policy = policy
    const { timeout, isSlow } = world
    const serializer = isSlow ? this.#slowSerializer() : JSON
    const onConflict = policy === 'function' ? this.#onConflict : policy
    const breaker = number % 2 === 0
    const options = { prefix: 'p:', timeout, onConflict, serializer, breaker }
    const store = new SolidisStore({ client, ...options })
    this.store = store
    store.on('gone', ({ sid }) => this.#goneAt.set(sid, world.time.now))
    // It gives the store what makes new sessions.
    const genid = () => `s${world.made.count++}`
    expressSession({ store, genid, secret: 'secret', resave: false, saveUninitialized: false })
  }

  /** Whether an event has told, while a call was under way, that its session is not there. */
  isGone({ sid, start }: Call): boolean {
    return (this.#goneAt.get(String(sid)) ?? -1) >= Math.floor(start)
  }

  /** Calls a method, and sees to it that it calls back as it should. */
  call<T>(
    who: string,
    name: string,
    sid: string | undefined,
    start: (store: SolidisStore, done: Done<T>) => void,
  ): { call: Call; outcome: Promise<{ error: Failure; result: T | undefined }> } {
    const { oracle, history, time } = this.#world
    const call = oracle.beginCall(this.number, name, sid)
    let isSync = true
    const outcome = new Promise<{ error: Failure; result: T | undefined }>((resolve) => {
      start(this.store, (error, result) => {
        history.add(time.now, who, `${name} ${sid} gives`, error ?? copyOf(result))
        oracle.endCall(call, isSync ? new Error('called back before it returned') : error)
        resolve({ error: error as Failure, result })
      })
    })
    isSync = false
    return { call, outcome }
  }

  readonly #onConflict: OnConflict = (_base, theirs, ours) => {
    const [one, other] = [theirs, ours] as Data[] as [Data, Data]
    this.#world.oracle.checkOwner(String(other.owner), one, 'onConflict')
    return { ...theirs, ...ours }
  }

  #slowSerializer() {
    const { time, random } = this.#world
    const later = async <T>(result: T) => {
      await time.sleep(random.int(8))
      return result
    }
    return {
      stringify: (session: SessionData) => later(JSON.stringify(session)),
      parse: (text: string) => later(JSON.parse(text) as SessionData),
    }
  }
}

/** Makes requests, or is a job, one step after another. */
export class Actor {
  readonly #world: World
  readonly #name: string
  readonly #processes: Process[]
  readonly #random: Random
  readonly #held: Held[] = []
  readonly #underWay: Promise<unknown>[] = []
  #values = 0

  constructor(world: World, name: string, processes: Process[]) {
    this.#world = world
    this.#name = name
    this.#processes = processes
    this.#random = world.random.fork()
  }

  async run(steps: number): Promise<void> {
    for (let left = steps; left > 0; left--) {
      await this.#world.time.sleep(this.#random.pick(PAUSES_MS))
      await this.#step()
    }
    await Promise.all(this.#underWay)
  }

  async #step(): Promise<void> {
    const process = this.#random.pick(this.#processes)
    const { sids } = this.#world
    const held = this.#held.length > 0 ? this.#random.pick(this.#held.slice(-3)) : undefined
    const sid = sids.length > 0 ? this.#random.pick(sids.slice(-3)) : undefined
    if (sid === undefined) return this.login(process)
    const does = this.#random.weighted<string>({
      ...{ load: 6, login: 1, put: 0.3, update: 2, rush: 1, exists: 1, all: 0.3, remove: 0.3 },
      ...(held && { save: 8, 'save on the side': 4, touch: 3, renew: 1.5 }),
      ...(held?.req && { logout: 0.7, regenerate: 0.4 }),
    })
    if (does === 'load') await this.load(process, sid)
    else if (does === 'login') await this.login(process)
    else if (does === 'put') await this.#put(process, sid)
    else if (does === 'update') await this.#update(process, sid)
    else if (does === 'rush') {
      await Promise.all(this.#processes.map((each) => this.#update(each, sid)))
    } else if (does === 'exists') await this.#exists(process, sid)
    else if (does === 'all') await this.#all(process)
    else if (does === 'remove') await this.#destroy(process, sid, (s, done) => s.destroy(sid, done))
    else if (held !== undefined) await this.#use(held, does)
  }

  async #use(held: Held, does: string): Promise<void> {
    if (does === 'touch') return this.#touch(held)
    if (does === 'renew') {
      this.#setMaxAge(held, this.#random.pick(MAX_AGES_MS))
      if (this.#random.chance(0.5)) await this.#save(held)
      else await this.#touch(held)
      return
    }
    if (does === 'logout') return this.#logout(held)
    if (does === 'regenerate') return this.#regenerate(held)
    this.#change(held)
    if (this.#random.chance(0.7)) this.#moveDate(held)
    const saved = this.#save(held)
    if (does !== 'save') this.#underWay.push(saved)
    else if (!(await saved) && this.#random.chance(0.5)) await this.#use(held, 'save')
  }

  /** A new session, of which the first save is awaited, or not. */
  async login(process: Process): Promise<void> {
    const req = { sessionID: '', sessionStore: process.store } as FakeRequest
    ;(process.store as unknown as { generate(req: FakeRequest): void }).generate(req)
    await this.#begin(process, req)
  }

  async #begin(process: Process, req: FakeRequest): Promise<void> {
    const session = req.session as RequestSession
    const held = { handle: new Handle(req.sessionID, process.number), session, req }
    this.#held.push(held)
    session.owner = req.sessionID
    this.#setMaxAge(held, this.#world.maxAge)
    this.#change(held)
    const saved = this.#save(held).then(() => this.#world.sids.push(req.sessionID))
    if (this.#random.chance(0.8)) return void (await saved)
    this.#underWay.push(saved)
    if (this.#random.chance(0.2)) await this.#logout(held)
  }

  async load(process: Process, sid: string): Promise<void> {
    const { call, outcome } = this.#call<SessionData | null>(process, 'get', sid, (store, done) =>
      store.get(sid, done),
    )
    const { error, result } = await outcome
    if (error !== null) return
    const session = result as Data | null
    this.#world.oracle.read(sid, call, session && foundOf(session))
    if (session === null) return
    const handle = new Handle(sid, process.number, attributesOf(session), call)
    const req = { sessionID: sid, sessionStore: process.store } as FakeRequest
    const isPlain = this.#random.chance(0.2)
    if (!isPlain) process.store.createSession(req as never, session)
    const held = isPlain
      ? { handle, session, req: undefined }
      : { handle, session: req.session as Data, req }
    handle.cookie = cookieOf(held.session)
    handle.endsAt = handle.cookie.expiresAt
    this.#held.push(held)
  }

  #change({ session, handle }: Held): void {
    const { oracle } = this.#world
    const name = this.#random.pick(NAMES)
    // Who was told of a failure often takes back what failed.
    const rollback = handle.unknowns > 0 ? 8 : 1
    const how = this.#random.weighted({
      ...{ 'a new value': 6, none: 1, 'an old value': rollback, nothing: 1 },
    })
    if (how === 'nothing') return
    if (how !== 'a new value') oracle.repeated(handle.sid)
    const value =
      how === 'an old value'
        ? this.#random.pick([...(handle.bases.get(name) as Set<unknown>)])
        : this.#newValue()
    if (how === 'none' || value === undefined) delete session[name]
    else session[name] = value
    this.#note('changes', handle.sid, name, session[name])
  }

  #newValue(): string {
    return `${this.#name}${this.#values++}`
  }

  /** As the middleware does at the end of a request. */
  #moveDate({ session, handle }: Held): void {
    const { originalMaxAge } = session.cookie
    session.cookie.expires = new Date(Date.now() + Number(originalMaxAge))
    session.cookie.originalMaxAge = originalMaxAge
    this.#note('moves the date of', handle.sid)
  }

  #setMaxAge({ session, handle }: Held, ms: number): void {
    session.cookie.expires = new Date(Date.now() + ms)
    session.cookie.originalMaxAge = ms
    this.#note('changes', handle.sid, 'maxAge', ms)
  }

  async #save({ session, handle }: Held): Promise<boolean> {
    const { oracle } = this.#world
    const process = this.#processOf(handle)
    const [ours, cookie] = [attributesOf(session), cookieOf(session)]
    if (dateAt(this.#world.time.now) >= dateAt(cookie.expiresAt))
      this.#moveDate({ session, handle, req: undefined })
    const { call, outcome } = this.#call<void>(process, 'set', handle.sid, (store, done) =>
      store.set(handle.sid, session, done),
    )
    const writing = oracle.save(call, handle, ours, cookieOf(session), process.policy)
    const cookieThen = cookieOf(session)
    const { error } = await outcome
    const isGone = process.isGone(call)
    oracle.end(writing, error, isGone)
    oracle.endSave(writing, handle, ours, process.policy, error, isGone)
    if (error === null && !isGone) this.#isKnown(handle, cookieThen)
    return error === null
  }

  #isKnown(handle: Handle, cookie: Cookie): void {
    Object.assign(handle, { cookie, isVague: false })
    handle.endsAt = Math.max(handle.endsAt, cookie.expiresAt)
  }

  async #touch(held: Held): Promise<void> {
    const { session, handle } = held
    // express-session does not touch what it has not saved.
    if (handle.since === undefined) return
    this.#moveDate(held)
    const { oracle } = this.#world
    const process = this.#processOf(handle)
    const [ours, cookie] = [attributesOf(session), cookieOf(session)]
    const { call, outcome } = this.#call<void>(process, 'touch', handle.sid, (store, done) =>
      // A callback would not be told that it failed.
      store.touch(handle.sid, session).then(() => done(null), done),
    )
    const wasClear = handle.isClear
    const writing = oracle.touch(call, handle, ours, cookie)
    const { error } = await outcome
    const isGone = process.isGone(call)
    oracle.end(writing, error, isGone)
    // After a write without an answer, it writes all; nobody knows what the object then was.
    if (error === null && !isGone && wasClear) this.#isKnown(handle, cookie)
    else handle.isVague = true
  }

  async #logout({ session, handle }: Held): Promise<void> {
    await this.#destroy(this.#processOf(handle), handle.sid, (_store, done) =>
      (session as RequestSession).destroy(done),
    )
  }

  async #destroy(
    process: Process,
    sid: string,
    start: (store: SolidisStore, done: Done<void>) => void,
  ): Promise<void> {
    const { call, outcome } = this.#call<void>(process, 'destroy', sid, start)
    const writing = this.#world.oracle.destroy(call, sid)
    const { error } = await outcome
    this.#world.oracle.end(writing, error)
  }

  async #regenerate({ session, handle, req }: Held): Promise<void> {
    const process = this.#processOf(handle)
    const { sessionID } = req as FakeRequest
    await this.#destroy(process, sessionID, (_store, done) =>
      (session as RequestSession).regenerate(done),
    )
    await this.#begin(process, req as FakeRequest)
  }

  /** An import: a session by hand, whatever there was. */
  async #put(process: Process, sid: string): Promise<void> {
    const { oracle, maxAge, time } = this.#world
    const expires = new Date(dateAt(time.now) + maxAge)
    const session = { cookie: { expires, originalMaxAge: maxAge }, owner: sid, a: this.#newValue() }
    const { call, outcome } = this.#call<void>(process, 'set', sid, (store, done) =>
      store.set(sid, session as never, done),
    )
    const writing = oracle.put(
      call,
      sid,
      attributesOf(session as never),
      cookieOf(session as never),
    )
    const { error } = await outcome
    oracle.end(writing, error)
  }

  async #update(process: Process, sid: string): Promise<void> {
    const { oracle, time } = this.#world
    const changed: Attributes = this.#random.chance(0.3)
      ? { [this.#random.pick(NAMES)]: this.#newValue() }
      : {}
    const isSync = this.#random.chance(0.7)
    const change = (session: SessionData) => {
      const { count, ...others } = session as Data
      oracle.checkOwner(sid, others, 'update')
      Object.assign(session, { count: Number(count ?? 0) + 1 }, changed)
    }
    const changeLater = async (session: SessionData) => {
      await time.sleep(this.#random.int(30))
      change(session)
    }
    const { call, outcome } = this.#call<SessionData | null>(
      process,
      'update',
      sid,
      (store, done) => store.update(sid, isSync ? change : changeLater, done),
    )
    const writing = oracle.update(call, sid, changed, isSync)
    const { error, result } = await outcome
    const isGone = error === null && result === null
    oracle.end(writing, error, isGone)
    if (isGone) oracle.read(sid, call, null)
  }

  async #exists(process: Process, sid: string): Promise<void> {
    const { call, outcome } = this.#call<boolean>(process, 'exists', sid, (store, done) =>
      store.exists(sid, done),
    )
    const { error, result } = await outcome
    if (error === null) this.#world.oracle.exists(sid, call, result === true)
  }

  async #all(process: Process): Promise<void> {
    const sids = [...this.#world.oracle.sids]
    const { call, outcome } = this.#call<Data[]>(process, 'all', undefined, (store, done) =>
      store.all(done as Done<unknown>),
    )
    const { error, result = [] } = await outcome
    if (error !== null) return
    // It does not wait for the calls of each session.
    const span = { ...call, process: -1 }
    for (const session of result) {
      this.#world.oracle.read(String(session.id), span, foundOf(session))
    }
    for (const sid of sids) {
      if (result.every(({ id }) => id !== sid)) this.#world.oracle.exists(sid, span, false)
    }
  }

  #processOf(handle: Handle): Process {
    return this.#processes.find(({ number }) => number === handle.process) as Process
  }

  #call<T>(...[process, ...args]: [Process, string, string | undefined, CallStart<T>]) {
    this.#note(`calls ${process.number}`, args[0], args[1])
    return process.call<T>(this.#name, ...args)
  }

  #note(what: string, ...details: unknown[]): void {
    this.#world.history.add(this.#world.time.now, this.#name, what, ...details)
  }
}

type CallStart<T> = (store: SolidisStore, done: Done<T>) => void

/** What will not change any more. */
function copyOf(result: unknown): unknown {
  if (Array.isArray(result)) return result.map(copyOf)
  const session = result as Data | undefined
  return session?.cookie ? { ...attributesOf(session), ...cookieOf(session) } : result
}

function foundOf(session: Data) {
  return { attributes: attributesOf(session), expiresAt: cookieOf(session).expiresAt }
}

function attributesOf(session: Data): Attributes {
  const { owner, count, a, b, c } = session
  return { owner, count, a, b, c }
}

function cookieOf({ cookie }: Data): Cookie {
  const { expires, originalMaxAge } = cookie
  return { expiresAt: new Date(expires as Date).getTime() - dateAt(0), maxAge: originalMaxAge }
}
