import type { SessionData } from 'express-session'
import { promiseOf } from '../callback.ts'
import type { Reply } from '../redis/client.ts'
import { DESTROY } from '../redis/commands.ts'
import { type Redis, WRITTEN } from '../redis/redis.ts'
import type { Outcome } from '../redis/replies.ts'
import { expiresAt } from '../session/expiry.ts'
import { payloadOf } from '../session/payload.ts'
import type { Entry, OwnerIndex } from './owner-index.ts'

/** Whose a session is. */
export type IndexBy = (session: SessionData) => string | undefined

/** Makes a session of what GET and PTTL gave of a key, if it is one. */
export type Load = (
  sid: string,
  payload: Outcome,
  pttl: Outcome,
) => SessionData | null | Promise<SessionData | null>

/** A session that has the value asked for. */
export interface Member {
  readonly entry: Entry
  readonly session: SessionData
  readonly payload: string
  /** Milliseconds since the epoch; `Infinity`: never. */
  readonly expiresAt: number
}

/** What is true of the entries of a value. */
export interface Members {
  readonly live: readonly Member[]
  /** Those of which there is no session yet, but soon may be. */
  readonly pending: readonly Entry[]
  /** Those of sessions that are gone, or have another value by now. */
  readonly over: readonly Entry[]
  /** Those of what cannot be read here, such as without its secret, but perhaps elsewhere. */
  readonly unreadable: readonly Entry[]
}

export interface MembersOptions {
  readonly prefix: string
  readonly indexBy: IndexBy
  readonly load: Load
}

/** What an entry leads to; `null`: to no session of the value. */
type Loaded = Member | 'unreadable' | null

/** Lets a step of many take as long as a call. */
export type InTime = <R>(step: () => Promise<R>) => Promise<R>

/** So many sessions are read in one round trip. */
const READ_AT_ONCE = 500

/** The sessions of a value: what the index says, held against the sessions, which are the truth. */
export class MemberReader {
  readonly #redis: Redis
  readonly #index: OwnerIndex
  readonly #options: MembersOptions

  constructor(redis: Redis, index: OwnerIndex, options: MembersOptions) {
    this.#redis = redis
    this.#index = index
    this.#options = options
  }

  /** @param sid of the only one to ask about; `undefined`: all of them */
  async read(value: string, sid?: string, inTime: InTime = (step) => step()): Promise<Members> {
    const entries = await inTime(() => this.#index.list(value, sid))
    const live: Member[] = []
    const [pending, over, unreadable]: [Entry[], Entry[], Entry[]] = [[], [], []]
    for (let start = 0; start < entries.length; start += READ_AT_ONCE) {
      const some = entries.slice(start, start + READ_AT_ONCE)
      const members = await inTime(() => this.#load(value, some))
      for (const [i, entry] of some.entries()) {
        const member = members[i]
        if (member && member !== 'unreadable') live.push(member)
        else if (entry.isPending) pending.push(entry)
        else (member === 'unreadable' ? unreadable : over).push(entry)
      }
    }
    return { live, pending, over, unreadable }
  }

  /** Removes a session, unless it has changed since it was read. Gives whether it did. */
  async destroy({ entry, payload }: Member, deadline = Infinity): Promise<boolean> {
    const key = this.#options.prefix + entry.sid
    const held = await promiseOf<Reply>((done) => this.#redis.compareAndDestroy(key, payload, done))
    if (held === WRITTEN || held === null) return held === WRITTEN
    // The same text, but other bytes: what is no UTF-8 cannot be compared.
    if (payloadOf(held) !== payload) return false
    await promiseOf((done) => this.#redis.runInTime(DESTROY, key, [], deadline, done))
    return true
  }

  async #load(value: string, entries: readonly Entry[]): Promise<Loaded[]> {
    const keys = entries.map(({ sid }) => this.#options.prefix + sid)
    const outcomes = await promiseOf<Outcome[]>((done) => this.#redis.getMany(keys, done))
    return Promise.all(
      entries.map((entry, i) =>
        this.#member(value, entry, outcomes[2 * i] as Outcome, outcomes[2 * i + 1] as Outcome),
      ),
    )
  }

  async #member(value: string, entry: Entry, payload: Outcome, pttl: Outcome): Promise<Loaded> {
    const session = await this.#options.load(entry.sid, payload, pttl)
    if (session === null) return payload === null ? null : 'unreadable'
    if (valueIn(this.#options.indexBy, session) !== value) return null
    return { entry, session, payload: payloadOf(payload), expiresAt: expiresAt(Number(pttl)) }
  }
}

/** Whose a session is that comes from Redis: that of which `indexBy` can make nothing is nobody's. */
export function valueIn(indexBy: IndexBy, session: SessionData): string | undefined {
  try {
    return indexBy(session) ?? undefined
  } catch {
    return undefined
  }
}
