import type { SessionData } from 'express-session'
import { badArgument, TooManySessionsError } from '../errors.ts'
import type { Redis } from '../redis/redis.ts'
import type { Names } from '../session/name.ts'
import { type IndexBy, type Load, type Member, MemberReader, valueIn } from './members.ts'
import { type Entry, OwnerIndex, type Settle } from './owner-index.ts'
import { mustMove, slackOf } from './slack.ts'

/** At most so many sessions a value of `indexBy`, and what is done about one more. */
export interface MaxSessions {
  readonly limit: number
  /**
   * `'evict'`: the one that was used least recently is ended; `'reject'`: `set` fails with a
   * `TooManySessionsError`. Default `'evict'`.
   */
  readonly whenFull?: 'evict' | 'reject'
}

export interface OwnersOptions {
  readonly prefix: string
  readonly indexBy: IndexBy
  readonly maxSessions: MaxSessions | undefined
  readonly names: Names
  readonly load: Load
  /** Is told of a session that was ended for the sake of another. */
  readonly onEvicted: (sid: string, value: string) => void
}

/** A session that is about to be written, or touched. */
export interface Listing {
  readonly sid: string
  readonly value: string | undefined
  /** Milliseconds since the epoch; `Infinity`: never. */
  readonly expiresAt: number
  /** Until when it is known to be listed at least. */
  readonly expiresAtBefore: number
}

const MAX_BACKOFF_MS = 50

/** Keeps the index of sessions by their owners, so that no live session is ever missing in it. */
export class Owners {
  readonly index: OwnerIndex
  readonly members: MemberReader
  readonly names: Names
  readonly #redis: Redis
  readonly #options: OwnersOptions

  constructor(redis: Redis, options: OwnersOptions) {
    this.#redis = redis
    this.#options = options
    this.names = options.names
    this.index = new OwnerIndex(redis, options.prefix)
    this.members = new MemberReader(redis, this.index, options)
  }

  /**
   * Whose a session is that is to be written.
   * @throws TypeError if that is no string; and what `indexBy` throws
   */
  valueOf(session: SessionData): string | undefined {
    const value = this.#options.indexBy(session) ?? undefined
    if (value === undefined || (typeof value === 'string' && value !== '')) return value
    throw badArgument('indexBy(session)', 'a string that is not empty, or undefined', value)
  }

  /** Whose a session is that comes from Redis. */
  valueOfLoaded(session: SessionData): string | undefined {
    return valueIn(this.#options.indexBy, session)
  }

  /**
   * Has a session listed before it is written, if it is not, or not for long enough: at most so many
   * may be. Gives how to settle that when the write has been answered; `undefined` if the session is
   * known to have had the value before, so that its write is like any other.
   * @param valueBefore what it is known to be listed under
   * @param deadline by the clock of `performance.now()`, after which the session must not be written
   */
  list(
    listing: Listing,
    valueBefore: string | undefined,
    deadline: number,
  ): Promise<Settle | undefined> | undefined {
    const { value } = listing
    if (value === undefined) return undefined
    if (value !== valueBefore) return this.#add(value, listing, deadline)
    return this.mustExtend(listing) ? this.extend(listing, deadline) : undefined
  }

  /** Whether a session has to be listed for longer, before it may live for longer. */
  mustExtend({ value, expiresAt, expiresAtBefore }: Listing): boolean {
    if (value === undefined) return false
    const { aheadMs } = this.#redis
    if (aheadMs === undefined) return true
    const slackMs = slackOf(ttlOf(expiresAt))
    return mustMove(expiresAtBefore + aheadMs, expiresAt + aheadMs, slackMs)
  }

  /** Lets it be listed for that long. */
  async extend(
    { sid, value, expiresAt }: Omit<Listing, 'expiresAtBefore'>,
    deadline: number,
  ): Promise<undefined> {
    const entry = { sid, ttlMs: ttlOf(expiresAt), isPending: false, limit: 0, over: [] }
    await this.index.add(value as string, entry, deadline)
  }

  /** Removes the entry of a session that is gone, or has another value by now. */
  async forget(value: string, sid: string): Promise<void> {
    const { over } = await this.members.read(value, sid)
    await this.index.remove(value, over)
  }

  async #add(value: string, listing: Listing, deadline: number): Promise<Settle> {
    const { sid, expiresAt } = listing
    const { limit, whenFull = 'evict' } = this.#options.maxSessions ?? { limit: 0 }
    let over: readonly Entry[] = []
    // What cannot be read here has an entry, but counts for nothing: it must lock nobody out.
    let unreadable = 0
    for (let attempt = 0; ; attempt++) {
      const most = limit === 0 ? 0 : limit + unreadable
      const entry = { sid, ttlMs: ttlOf(expiresAt), isPending: true, limit: most, over }
      const settle = await this.index.add(value, entry, deadline)
      if (settle !== null) return settle
      const members = await this.members.read(value)
      over = members.over
      unreadable = members.unreadable.length
      const isOther = (entry: Entry) => entry.sid !== sid
      const live = members.live.filter(({ entry }) => isOther(entry))
      const surplus = live.length + members.pending.filter(isOther).length - limit + 1
      if (surplus <= 0) continue
      if (whenFull === 'reject') throw new TooManySessionsError(limit)
      const victims = live.toSorted(byLastUse).slice(0, surplus)
      over = [...over, ...(await this.#evict(value, victims, deadline))]
      // Those that are being written can be ended only when they are there.
      if (victims.length < surplus) await backOff(attempt)
    }
  }

  async #evict(value: string, victims: Member[], deadline: number): Promise<Entry[]> {
    const evicted: Entry[] = []
    for (const victim of victims) {
      if (!(await this.members.destroy(victim, deadline))) continue
      evicted.push(victim.entry)
      this.#options.onEvicted(victim.entry.sid, value)
    }
    return evicted
  }
}

function byLastUse(a: Member, b: Member): number {
  return a.expiresAt === b.expiresAt ? 0 : a.expiresAt - b.expiresAt
}

function ttlOf(expiresAt: number): number {
  return Math.max(Math.ceil(expiresAt - Date.now()), 1)
}

async function backOff(attempt: number): Promise<void> {
  const ms = Math.random() * Math.min(2 ** attempt, MAX_BACKOFF_MS)
  await new Promise((over) => setTimeout(over, ms))
}
