import { setTimeout as sleep } from 'node:timers/promises'
import type { SessionData } from 'express-session'
import { compareAndSet } from './compare-and-set.ts'
import { mergeAttributes, type OnConflict } from './conflict.ts'
import { badArgument, SessionConflictError } from './errors.ts'
import type { LoadedSessions, Origin } from './loaded.ts'
import { decode, encode, isObject, type Payload, type Serializer, samePayload } from './payload.ts'
import type { Redis } from './redis.ts'

/** Far more than 64 writers of one session need, each of whom can lose to every other once. */
export const MAX_ATTEMPTS = 100
const MAX_BACKOFF_MS = 32

/** Waits longer, and less predictably, after each lost attempt; not at all after the first. */
export async function backOff(attempt: number): Promise<void> {
  if (attempt > 1) await sleep(Math.random() * Math.min(2 ** attempt, MAX_BACKOFF_MS))
}

/** A loaded session that is to be written back, if it is still there. */
export interface Write extends Pick<Origin, 'sid' | 'expires' | 'expiresAt'> {
  readonly key: string
  readonly session: SessionData
  readonly payload: string
  /** Options of SET, e.g. `['PX', '60000']`. */
  readonly setOptions: string[]
  readonly onConflict: OnConflict
}

interface QueuedWrite {
  readonly write: Write
  /** @param written false if the session is gone */
  resolve(written: boolean): void
  reject(error: unknown): void
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
  /** By key, the writes that wait; there is an entry while a write is in flight. */
  readonly #waiting = new Map<string, QueuedWrite[]>()

  constructor(redis: Redis, serializer: Serializer, loaded: LoadedSessions) {
    this.#redis = redis
    this.#serializer = serializer
    this.#loaded = loaded
  }

  isWriting(key: string): boolean {
    return this.#waiting.has(key)
  }

  /** Resolves to whether the session was still there, and thus written. */
  write(write: Write): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const queued = { write, resolve, reject }
      const waiting = this.#waiting.get(write.key)
      if (waiting !== undefined) waiting.push(queued)
      else this.#drain(write.key, [queued])
    })
  }

  async #drain(key: string, first: QueuedWrite[]): Promise<void> {
    const waiting: QueuedWrite[] = []
    this.#waiting.set(key, waiting)
    let held: Payload | undefined
    for (let group = first; group.length > 0; group = waiting.splice(0)) {
      try {
        held = await this.#writeTogether(group, held)
      } catch (error) {
        held = undefined
        // Those that wait would only wait as long again for a server that is down or frozen.
        for (const { reject } of [...group, ...waiting.splice(0)]) reject(error)
      }
    }
    this.#waiting.delete(key)
  }

  /** Resolves to what Redis holds afterwards, as far as that is known. */
  async #writeTogether(group: QueuedWrite[], known?: Payload): Promise<Payload | undefined> {
    const [first] = group as [QueuedWrite]
    let held = known ?? this.#originOf(first.write).held
    let queue = group
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      const merged = await this.#merge(queue, held)
      const { payload } = merged
      queue = merged.queue
      const last = queue.at(-1)?.write
      if (last === undefined) return held
      const outcome = await compareAndSet(this.#redis, last.key, held, payload, last.setOptions)
      if (outcome === true) {
        for (const { write, resolve } of queue) {
          this.#loaded.remember(write.session, originAfter(write, payload))
          resolve(true)
        }
        return payload
      }
      if (outcome === null) {
        for (const { resolve } of queue) resolve(false)
        return undefined
      }
      held = outcome
      await backOff(attempt)
    }
    throw new SessionConflictError(first.write.sid)
  }

  /** Merges writes into what Redis holds, in their order, and leaves out those that cannot be. */
  async #merge(group: QueuedWrite[], held: Payload) {
    const merged = new Map<SessionData, Origin>()
    const queue: QueuedWrite[] = []
    let payload = held
    for (const queued of group) {
      const { write } = queued
      try {
        const origin = merged.get(write.session) ?? this.#originOf(write)
        const inStep = !origin.merged && samePayload(origin.held, payload)
        payload = inStep ? write.payload : await this.#reconcile(write, origin, payload)
        merged.set(write.session, originAfter(write, payload))
        queue.push(queued)
      } catch (error) {
        queued.reject(error)
      }
    }
    return { payload, queue }
  }

  async #reconcile(write: Write, origin: Origin, held: Payload): Promise<Payload> {
    if (write.onConflict === 'reject') throw new SessionConflictError(write.sid)
    const merge = typeof write.onConflict === 'function' ? write.onConflict : mergeAttributes
    const base = await decode(this.#serializer, origin.own)
    const theirs = await decode(this.#serializer, held.toString())
    const ours = await decode(this.#serializer, write.payload)
    const merged = await merge(base, theirs, ours)
    if (!isObject(merged))
      throw badArgument('onConflict', 'a function that gives a session', merged)
    return encode(this.#serializer, merged)
  }

  #originOf(write: Write): Origin {
    return this.#loaded.originOf(write.session, write.sid) as Origin
  }
}

function originAfter(write: Write, held: Payload): Origin {
  const { sid, payload, expires, expiresAt } = write
  return { sid, held, own: payload, merged: held !== payload, expires, expiresAt }
}
