import { setTimeout as sleep } from 'node:timers/promises'
import type { SessionData } from 'express-session'
import type { Callback, SolidisStore } from '../../lib/index.ts'
import { keyOf, textIn } from '../support/encrypted.ts'
import {
  type Data,
  data,
  equip,
  type FakeRequest,
  type RequestSession,
} from '../support/requests.ts'
import type { Counts } from './counts.ts'
import { Ledger } from './ledger.ts'

const CALLERS = 20
const MAX_PAUSE_MS = 50
/** What a caller has to be told in, beyond `timeout`; and in so many turns, in a busy process. */
const TOLERANCE_MS = 300
const TOLERANCE_TURNS = 50
/** So many callers are looked for in memory after they have been told that they failed. */
const MAX_TOLD = 200

/** What is never applied that fails with it: it was not sent, or Redis refused it. */
const REFUSED = new Set(
  'EBREAKER EOVERLOAD OOM READONLY NOPERM NOAUTH WRONGPASS MISCONF LOADING'.split(' '),
)

type StoreError = Error & { code?: string }
type Outcome<T> = { error: StoreError | null; result?: T | undefined; beganAt: number }
type Start<T> = (callback: Callback<T>) => unknown

/** Callers that use a store like browsers and jobs do, each with a session of its own at a time. */
export class Load {
  readonly store: SolidisStore
  readonly counts: Counts
  /** Whom callers see that have been told of a failure; what holds none of them holds no session. */
  readonly told: WeakRef<object>[] = []
  /** Sessions that were told to be gone since somebody asked. */
  readonly gone = new Set<string>()
  readonly #ledgers: Ledger[] = []
  readonly #callers: Promise<void>[] = []
  /** Whether replies come that are none, so that no code can be trusted. */
  readonly #isMisled: boolean
  readonly #isKept: (sid: string, beganAt: number) => Promise<boolean>
  #wipedAt = Number.NEGATIVE_INFINITY
  #isOver = false
  #faultEndedAt: number | undefined

  /**
   * @param isKept whether what was acknowledged, by a call that began then, outlives any server; who
   * does not know says no
   */
  constructor(
    store: SolidisStore,
    counts: Counts,
    isMisled = false,
    isKept: (sid: string, beganAt: number) => Promise<boolean> = async () => true,
  ) {
    this.store = equip(store)
    this.counts = counts
    this.#isMisled = isMisled
    this.#isKept = isKept
    store.on('gone', ({ sid }) => this.gone.add(sid))
  }

  get isOver(): boolean {
    return this.#isOver
  }

  start(callers = CALLERS): void {
    for (let i = 0; i < callers; i++) this.#callers.push(new Caller(this, i % 4 === 0).run())
  }

  /** From now on Redis loses its data. */
  wipe(): void {
    this.#wipedAt = Number.POSITIVE_INFINITY
  }

  wiped(): void {
    this.#wipedAt = performance.now()
  }

  /** The fault is over, and what succeeds from now on is counted as being back. */
  faultEnded(): void {
    this.#faultEndedAt = performance.now()
  }

  /** Ends it; gives whether all callers have come to an end in time. */
  async stop(withinMs: number): Promise<void> {
    this.#isOver = true
    await Promise.race([Promise.all(this.#callers), sleep(withinMs)])
  }

  open(sid: string): Ledger {
    const ledger = new Ledger(sid)
    this.#ledgers.push(ledger)
    return ledger
  }

  /** Sessions at random, of those that may be there. */
  get someSids(): string[] {
    return this.#ledgers.filter((ledger) => !ledger.isGone).map(({ sid }) => sid)
  }

  /**
   * Makes a call, and counts what comes of it.
   * @param isTouch whether it succeeds anyway
   */
  call<T>(start: Start<T>, isTouch = false): Promise<Outcome<T>> {
    const { counts, store } = this
    counts.calls++
    const beganAt = performance.now()
    const wasOpen = store.state !== 'closed'
    let isSettled = false
    const isTold = () => isSettled
    // Only when its time is up, how much longer it takes: both timers are late in a busy process.
    setTimeout(() => setTimeout(() => this.#expect(isTold), TOLERANCE_MS), store.timeout)
    return new Promise((resolve) => {
      const callback: Callback<T> = (error: StoreError | null, result) => {
        if (isSettled) counts.settledTwice++
        else counts.settled++
        isSettled = true
        const tookMs = performance.now() - beganAt
        counts.slowestMs = Math.max(counts.slowestMs, tookMs)
        if (error?.code === 'EBREAKER' && wasOpen) counts.openMs.push(tookMs)
        if (error !== null) this.#failed(error, callback)
        else if (!isTouch) this.#succeeded(beganAt)
        resolve({ error, result, beganAt })
      }
      start(callback)
    })
  }

  /** Somebody was given a session, or none. */
  observe(ledger: Ledger, session: SessionData | null): void {
    const { whose, n } = (session ?? {}) as Partial<Data>
    if (session !== null && whose !== ledger.sid) {
      this.counts.foreign++
      return
    }
    const verdict = ledger.observe(session === null ? null : Number(n), this.#wipedAt)
    if (verdict === 'lost') this.counts.lost++
    if (verdict === 'late') this.counts.late++
    if (verdict === 'back to life') this.counts.revived++
  }

  /** A write was answered, or not. */
  async record(ledger: Ledger, state: number | null, outcome: Outcome<unknown>): Promise<void> {
    const { error, beganAt } = outcome
    if (error !== null) {
      ledger.failed(state, !this.#isMisled && REFUSED.has(String(error.code)))
    } else if (this.gone.delete(ledger.sid)) {
      this.observe(ledger, null)
    } else if (await this.#isKept(ledger.sid, beganAt)) {
      ledger.wrote(state, beganAt)
    } else {
      ledger.failed(state, false)
    }
  }

  /** Holds what Redis holds in the end against what callers were told. */
  async audit(read: (key: string) => Promise<unknown>): Promise<void> {
    for (const ledger of this.#ledgers) {
      const { prefix } = this.store
      const payload = await read(keyOf({ prefix }, ledger.sid))
      const text = payload === null ? 'null' : textIn(prefix, ledger.sid, payload)
      this.observe(ledger, JSON.parse(text))
    }
  }

  #expect(isTold: () => boolean, turns = TOLERANCE_TURNS): void {
    if (isTold()) return
    if (turns === 0) this.counts.overdue++
    else setImmediate(() => this.#expect(isTold, turns - 1))
  }

  #succeeded(beganAt: number): void {
    if (this.#faultEndedAt === undefined || beganAt < this.#faultEndedAt) return
    this.counts.backAfterMs ??= performance.now() - this.#faultEndedAt
  }

  #failed(error: StoreError, callback: object): void {
    this.counts.fail(String(error.code))
    if (this.told.length < MAX_TOLD) this.told.push(new WeakRef(callback))
  }
}

/** Somebody with one session at a time. */
class Caller {
  readonly #load: Load
  /** Whether it is a job, which writes what was not loaded, besides. */
  readonly #isJob: boolean
  #ledger: Ledger | undefined
  #session: RequestSession | undefined
  #writes = 0

  constructor(load: Load, isJob: boolean) {
    this.#load = load
    this.#isJob = isJob
  }

  async run(): Promise<void> {
    while (!this.#load.isOver) {
      await sleep(Math.random() * MAX_PAUSE_MS)
      const ledger = this.#ledger
      if (ledger === undefined) await this.#logIn()
      else await this.#act(ledger, Math.random())
      if (this.#ledger?.isGone) this.#ledger = undefined
    }
  }

  async #act(ledger: Ledger, dice: number): Promise<void> {
    const session = this.#session
    if (dice < 0.05) await this.#logOut(ledger)
    else if (dice < 0.25) await this.#read(ledger)
    else if (dice < 0.35) await this.#update(ledger)
    else if (dice < 0.5 && this.#isJob) await this.#overwrite(ledger)
    else if (session === undefined) await this.#read(ledger)
    else if (dice < 0.6) await this.#touch(ledger, session)
    else await this.#save(ledger, session)
  }

  async #logIn(): Promise<void> {
    const { store } = this.#load
    const req: FakeRequest = { sessionID: '', sessionStore: store }
    ;(store as unknown as { generate(req: FakeRequest): void }).generate(req)
    this.#ledger = this.#load.open(req.sessionID)
    this.#session = req.session
    await this.#save(this.#ledger, req.session as RequestSession)
  }

  async #logOut(ledger: Ledger): Promise<void> {
    const outcome = await this.#load.call<void>((done) =>
      this.#load.store.destroy(ledger.sid, done),
    )
    await this.#load.record(ledger, null, outcome)
  }

  async #read(ledger: Ledger): Promise<void> {
    const { store } = this.#load
    const { error, result } = await this.#load.call<SessionData | null>((done) =>
      store.get(ledger.sid, done),
    )
    if (error !== null) return
    this.#load.observe(ledger, result ?? null)
    this.#session = undefined
    if (result) {
      const req = { sessionID: ledger.sid, sessionStore: store }
      this.#session = store.createSession(req as never, result) as RequestSession
    }
  }

  async #save(ledger: Ledger, session: RequestSession): Promise<void> {
    const n = ++this.#writes
    Object.assign(session, { whose: ledger.sid, n })
    this.#load.gone.delete(ledger.sid)
    const outcome = await this.#load.call<void>((done) =>
      this.#load.store.set(ledger.sid, session, done),
    )
    await this.#load.record(ledger, n, outcome)
  }

  async #overwrite(ledger: Ledger): Promise<void> {
    const n = ++this.#writes
    const session = data({ whose: ledger.sid, n })
    const outcome = await this.#load.call<void>((done) =>
      this.#load.store.set(ledger.sid, session, done),
    )
    await this.#load.record(ledger, n, outcome)
  }

  async #update(ledger: Ledger): Promise<void> {
    const n = ++this.#writes
    const change = (session: SessionData) => void Object.assign(session, { n })
    this.#load.gone.delete(ledger.sid)
    const outcome = await this.#load.call<SessionData | null>((done) =>
      this.#load.store.update(ledger.sid, change, done),
    )
    const { error, result } = outcome
    if (error === null && !result) this.#load.observe(ledger, null)
    else await this.#load.record(ledger, n, outcome)
    if (result && (result as Data).whose !== ledger.sid) this.#load.counts.foreign++
  }

  async #touch(ledger: Ledger, session: RequestSession): Promise<void> {
    this.#load.gone.delete(ledger.sid)
    await this.#load.call<void>((done) => this.#load.store.touch(ledger.sid, session, done), true)
    if (this.#load.gone.delete(ledger.sid)) this.#load.observe(ledger, null)
  }
}
