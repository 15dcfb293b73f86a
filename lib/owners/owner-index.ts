import { type Callback, promiseOf } from '../callback.ts'
import type { Reply } from '../redis/client.ts'
import type { Redis } from '../redis/redis.ts'
import type { Outcome } from '../redis/replies.ts'
import { uniqueId } from '../session/tag.ts'
import { ADD, LIST, REMOVE, SETTLE } from './scripts.ts'
import { slackOf } from './slack.ts'

/** What the index has of a session. */
export interface Entry {
  readonly sid: string
  /** As Redis has it, to be compared with what it has later. */
  readonly score: string
  /** Whether a write may be under way after which there is the session. */
  readonly isPending: boolean
}

/** An entry that is to be written. */
export interface NewEntry {
  readonly sid: string
  /** Milliseconds that the session is to live; `Infinity`: for ever. */
  readonly ttlMs: number
  /** Whether the session is not known to have the value yet, so that the entry is marked as pending. */
  readonly isPending: boolean
  /** How many entries there may be with it; 0: any number. */
  readonly limit: number
  /** Entries to be removed, unless they have changed. */
  readonly over: readonly Entry[]
}

/** Lets a pending entry be one like others, once it is known what became of its write. */
export type Settle = () => void

/** So many entries are removed in one command. */
const REMOVED_AT_ONCE = 500

/** For each value, the ids of the sessions that may have it. */
export class OwnerIndex {
  /** Put before a value to make the key of its sorted set. */
  readonly prefix: string
  readonly #redis: Redis

  /** @param sessionPrefix that of the keys of sessions, among which those of the index are not */
  constructor(redis: Redis, sessionPrefix: string) {
    this.#redis = redis
    this.prefix = prefixBeside(sessionPrefix)
  }

  /**
   * Writes an entry. Gives how to settle it, or `null` if there are too many others.
   * @param deadline by the clock of `performance.now()`, after which it is not written
   */
  async add(value: string, entry: NewEntry, deadline: number): Promise<Settle | null> {
    const { sid, ttlMs, isPending, limit, over } = entry
    const token = isPending ? uniqueId() : ''
    const numbers = [ttlMs, 2 * slackOf(ttlMs)].map(String) as [string, string]
    const removed = over.flatMap(({ sid, score }) => [sid, score])
    const args = [sid, ...numbers, token, String(limit), ...removed]
    const key = this.#key(value)
    const added = await promiseOf<Reply>((done) =>
      this.#redis.runInTime(ADD, key, args, deadline, done),
    )
    if (added === null) return null
    // If it does not arrive, the mark ends with the deadline.
    return () => isPending && this.#redis.run(SETTLE, key, [sid, token], () => {})
  }

  /** Gives the entries of a value, or that of one session alone. */
  async list(value: string, sid?: string): Promise<Entry[]> {
    const args = sid === undefined ? [] : [sid]
    const listed = await promiseOf<Outcome[]>((done) =>
      this.#redis.runShown(LIST, this.#key(value), args, done),
    )
    return entriesOf(listed)
  }

  /** Removes entries, unless they have been written again since they were listed. */
  async remove(value: string, entries: readonly Entry[]): Promise<void> {
    for (let start = 0; start < entries.length; start += REMOVED_AT_ONCE) {
      const some = entries.slice(start, start + REMOVED_AT_ONCE)
      const args = some.flatMap(({ sid, score }) => [sid, score])
      await promiseOf((done: Callback<Reply>) =>
        this.#redis.run(REMOVE, this.#key(value), args, done),
      )
    }
  }

  #key(value: string): string {
    return this.prefix + value
  }
}

function entriesOf(listed: readonly Outcome[]): Entry[] {
  const entries: Entry[] = []
  for (let i = 0; i < listed.length; i += 3) {
    const [sid, score, isPending] = listed.slice(i, i + 3)
    entries.push({ sid: String(sid), score: String(score), isPending: Number(isPending) === 1 })
  }
  return entries
}

/** One that does not begin with another. */
function prefixBeside(prefix: string): string {
  const beside = `by:${prefix}`
  return beside.startsWith(prefix) ? `of:${prefix}` : beside
}
