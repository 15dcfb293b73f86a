import { AsyncResource } from 'node:async_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import type { SessionData } from 'express-session'
import { type Callback, promiseOf } from '../callback.ts'
import { SessionConflictError } from '../errors.ts'
import type { Outcome } from '../redis/call.ts'
import { compareAndSet, extend, setIfPresent, WRITTEN } from '../redis/commands.ts'
import type { Redis } from '../redis/redis.ts'
import { differOnlyInExpires, type Expires } from '../session/expiry.ts'
import { type Payload, payloadOf, type Serializer } from '../session/payload.ts'
import type { OnConflict } from './merge.ts'
import { MergedPayload } from './merged-payload.ts'
import type { LoadedSessions, Origin } from './snapshot.ts'

/** Far more than 64 writers of one session need, each of whom can lose to every other once. */
export const MAX_ATTEMPTS = 100
const MAX_BACKOFF_MS = 32

/** Waits longer, and less predictably, after each lost attempt; not at all after the first. */
export async function backOff(attempt: number): Promise<void> {
  if (attempt > 1) await sleep(Math.random() * Math.min(2 ** attempt, MAX_BACKOFF_MS))
}

/** A loaded session that is to be written back, if it is still there. */
export interface Write {
  readonly sid: string
  readonly key: string
  readonly session: SessionData
  readonly payload: Payload
  /** `cookie.expires` as it stands in the payload. */
  readonly expires: Expires
  /** Milliseconds that the session is to live; `Infinity`: for ever. */
  readonly life: number
  readonly onConflict: OnConflict
  /** Called with whether the session was still there, and thus written. */
  readonly done: Callback<boolean>
}

/** Writes that were merged into one. */
interface MergedWrites {
  readonly payload: Payload
  /** Whether it has nothing in it of what Redis held, and so does not depend on that. */
  readonly isWhole: boolean
  /** Those that took part. */
  readonly writes: Write[]
  /** Those that could not. */
  readonly failures: [Write, error: unknown][]
  /** The last write of each session of which more than the life is to change. */
  readonly changes: Map<SessionData, Write>
}

/**
 * Writes loaded sessions back by compare and set. The writes of one session queue behind the one
 * that is in flight; those that wait are merged and written together, each with an outcome of its
 * own. So however many requests write one session at once, a process competes as one writer.
 */
export class WriteQueue {
  readonly #redis: Redis
  readonly #serializer: Serializer
  readonly #loaded: LoadedSessions
  /** By session id, the writes that wait; there is an entry while a write is in flight. */
  readonly #waiting = new Map<string, Write[]>()

  constructor(redis: Redis, serializer: Serializer, loaded: LoadedSessions) {
    this.#redis = redis
    this.#serializer = serializer
    this.#loaded = loaded
  }

  write(write: Write): void {
    const waiting = this.#waiting.get(write.sid)
    if (waiting !== undefined) {
      waiting.push({ ...write, done: inContext(write.done) })
      return
    }
    const origin = this.#originOf(write)
    const isMerged = origin.held !== origin.payload
    const queue: Write[] = []
    this.#waiting.set(write.sid, queue)
    if (isMerged || write.onConflict === 'overwrite' || changesOnlyLife(write, origin)) {
      queue.push(write)
      this.#drain(write.sid, queue)
    } else {
      this.#compareAndSet(write, origin, queue)
    }
  }

  /** What a write nearly always is: one comparison, with nobody else about. */
  #compareAndSet(write: Write, origin: Origin, queue: Write[]): void {
    const { sid, key, payload, life, onConflict, done } = write
    compareAndSet(this.#redis, key, origin.held, payload, life, (error, [outcome]) => {
      if (error !== null) {
        finish(queue.splice(0), error)
        this.#goOn(sid, queue)
        done(error)
      } else if (outcome === WRITTEN) {
        this.#remember(write, payload, life)
        this.#goOn(sid, queue, payload)
        done(null, true)
      } else if (outcome === null) {
        this.#goOn(sid, queue)
        done(null, false)
      } else if (onConflict === 'reject') {
        this.#goOn(sid, queue, payloadOf(outcome))
        done(new SessionConflictError(sid))
      } else {
        queue.unshift(write)
        this.#goOn(sid, queue, payloadOf(outcome))
      }
    })
  }

  #goOn(sid: string, queue: Write[], known?: Payload): void {
    if (queue.length > 0) this.#drain(sid, queue, known)
    else this.#waiting.delete(sid)
  }

  /** @param known what Redis holds, unless another process has changed it */
  async #drain(sid: string, queue: Write[], known?: Payload): Promise<void> {
    let held = known
    while (queue.length > 0) {
      try {
        held = await this.#writeTogether(nextGroup(queue), held)
      } catch (error) {
        held = undefined
        // Those that wait would only wait as long again for a server that is down or frozen.
        finish(queue.splice(0), error)
      }
    }
    this.#waiting.delete(sid)
  }

  /**
   * Resolves to what Redis holds afterwards, as far as that is known.
   * @param known what Redis holds, unless another process has changed it
   */
  async #writeTogether(group: Write[], known?: Payload): Promise<Payload | undefined> {
    const [first] = group as [Write]
    let writes = group
    try {
      const origin = this.#originOf(first)
      const rejects = first.onConflict === 'reject' && !changesOnlyLife(first, origin)
      let held = (!rejects && known) || origin.held
      for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
        const merged = await this.#merge(writes, held)
        for (const [write, error] of merged.failures) finish([write], error)
        writes = merged.writes
        const last = writes.at(-1)
        if (last === undefined) return held
        const outcome = await this.#send(merged, held, last)
        if (outcome === WRITTEN) {
          const { payload } = merged
          for (const write of merged.changes.values()) this.#remember(write, payload, last.life)
          finish(writes, null, true)
          return merged.changes.size > 0 ? payload : known
        }
        if (outcome === null) {
          finish(writes, null, false)
          return undefined
        }
        held = payloadOf(outcome)
        if (rejects) break
        await backOff(attempt)
      }
      finish(writes, new SessionConflictError(first.sid))
      return held
    } catch (error) {
      finish(writes, error)
      throw error
    }
  }

  /** Resolves to `WRITTEN`, or to what Redis holds instead: `null` if nothing. */
  async #send(
    { payload, changes, isWhole }: MergedWrites,
    held: Payload,
    { key, life }: Write,
  ): Promise<Outcome | undefined> {
    if (changes.size === 0)
      return (await this.#redis.call(extend(key, life))) === 1 ? WRITTEN : null
    if (isWhole) {
      const reply = await this.#redis.call(setIfPresent(key, payload, life))
      return reply === null ? null : WRITTEN
    }
    const [outcome] = await promiseOf<Outcome[]>((done) =>
      compareAndSet(this.#redis, key, held, payload, life, done),
    )
    return outcome
  }

  /** Merges writes into what Redis holds, in their order. */
  async #merge(group: Write[], held: Payload): Promise<MergedWrites> {
    const merged = new MergedPayload(this.#serializer, held)
    const writes: Write[] = []
    const failures: [Write, unknown][] = []
    const changes = new Map<SessionData, Write>()
    let isWhole = false
    for (const write of group) {
      const base = changes.get(write.session) ?? this.#originOf(write)
      const onlyLife = changesOnlyLife(write, base)
      try {
        // Where keys never expire, the date in the payload is the only one, and has to be written.
        if (!onlyLife || write.life === Infinity) {
          const onConflict = onlyLife ? 'merge' : write.onConflict
          await mergeWrite(merged, write, base.payload, onConflict)
          changes.set(write.session, write)
          if (onConflict === 'overwrite') isWhole = true
        }
        writes.push(write)
      } catch (error) {
        failures.push([write, error])
      }
    }
    return { payload: await merged.encoded(), isWhole, writes, failures, changes }
  }

  #remember({ session, sid, payload, expires }: Write, held: Payload, life: number): void {
    const origin = { sid, held, payload, expires, expiresAt: Date.now() + life }
    this.#loaded.remember(session, origin)
  }

  #originOf(write: Write): Origin {
    return this.#loaded.originOf(write.session, write.sid) as Origin
  }
}

/** Lets a callback that others will call keep the async context that it is given in. */
function inContext<T>(done: Callback<T>): Callback<T> {
  // Not AsyncResource.bind, which takes microseconds in Node 20.
  const context = new AsyncResource('SolidisStore')
  return (error, result) => context.runInAsyncScope(done, undefined, error, result)
}

/** Takes those that can be merged, or one that may not be. */
function nextGroup(queue: Write[]): Write[] {
  const alone = queue.findIndex(({ onConflict }) => onConflict === 'reject')
  return queue.splice(0, alone === -1 ? queue.length : Math.max(alone, 1))
}

async function mergeWrite(
  merged: MergedPayload,
  { payload }: Write,
  base: Payload,
  onConflict: OnConflict,
): Promise<void> {
  if (onConflict === 'overwrite' || merged.is(base)) merged.replace(payload)
  else if (typeof onConflict === 'function') await merged.mergeBy(onConflict, base, payload)
  else await merged.merge(base, payload)
}

function changesOnlyLife(
  { payload, expires }: Write,
  before: Pick<Origin, 'payload' | 'expires'>,
): boolean {
  return differOnlyInExpires(before.payload, before.expires, payload, expires)
}

/** Calls writes back, each on a tick of its own, so that none throws in the way of the others. */
function finish(writes: Write[], error: unknown, written?: boolean): void {
  for (const { done } of writes) process.nextTick(done, error, written)
}
