import { setTimeout as sleep } from 'node:timers/promises'
import type { SessionData } from 'express-session'
import { mergeAttributes, type OnConflict } from './conflict.ts'
import { badArgument, SessionConflictError } from './errors.ts'
import { differOnlyInExpires, type Expires } from './expiry.ts'
import type { LoadedSessions, Origin } from './loaded.ts'
import { decode, encode, isObject, type Payload, type Serializer, samePayload } from './payload.ts'
import type { Redis } from './redis.ts'
import { compareAndSet, extend, setIfPresent } from './writes.ts'

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
  readonly payload: string
  /** `cookie.expires` as it stands in the payload. */
  readonly expires: Expires
  /** Milliseconds that the session is to live; `Infinity`: for ever. */
  readonly life: number
  readonly onConflict: OnConflict
}

interface QueuedWrite {
  readonly write: Write
  /** @param written false if the session is gone */
  resolve(written: boolean): void
  reject(error: unknown): void
}

/** Writes that were merged into one. */
interface Merged {
  payload: Payload
  /** Those that took part; the others were rejected. */
  queue: QueuedWrite[]
  /** Of the sessions that changed anything, what their next changes will count from. */
  origins: Map<SessionData, Origin>
  /** Whether it does not matter what Redis holds, as long as there is a session. */
  blindly: boolean
  /** Whether nothing but `cookie.expires` was changed. */
  onlyLife: boolean
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

  /** Resolves to whether the session was still there, and thus written. */
  write(write: Write): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const queued = { write, resolve, reject }
      const waiting = this.#waiting.get(write.key)
      if (waiting !== undefined) waiting.push(queued)
      else this.#drain(write.key, queued)
    })
  }

  async #drain(key: string, first: QueuedWrite): Promise<void> {
    const waiting = [first]
    this.#waiting.set(key, waiting)
    let held: Payload | undefined
    while (waiting.length > 0) {
      const group = nextGroup(waiting)
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

  /**
   * Resolves to what Redis holds afterwards, as far as that is known.
   * @param known what Redis holds, unless another process has changed it
   */
  async #writeTogether(group: QueuedWrite[], known?: Payload): Promise<Payload | undefined> {
    const [{ write: first }] = group as [QueuedWrite]
    const rejects = first.onConflict === 'reject'
    let held = (!rejects && known) || this.#originOf(first).held
    let queue = group
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      const merged = await this.#merge(queue, held)
      queue = merged.queue
      const last = queue.at(-1)?.write
      if (last === undefined) return held
      const outcome = await this.#send(merged, held, last)
      if (outcome === true) {
        this.#rememberAll(merged)
        for (const { resolve } of queue) resolve(true)
        return merged.payload === held ? known : merged.payload
      }
      if (outcome === null) {
        for (const { resolve } of queue) resolve(false)
        return undefined
      }
      held = outcome
      if (rejects && !merged.onlyLife) break
      await backOff(attempt)
    }
    for (const { reject } of queue) reject(new SessionConflictError(first.sid))
    return held
  }

  /** Resolves to `true` if it is done, else to what Redis holds instead: `null` if nothing. */
  async #send({ payload, blindly }: Merged, held: Payload, { key, life }: Write) {
    if (payload === held) return (await extend(this.#redis, key, life)) || null
    if (blindly) return (await setIfPresent(this.#redis, key, payload, life)) || null
    return compareAndSet(this.#redis, key, held, payload, life)
  }

  /** Merges writes into what Redis holds, in their order. */
  async #merge(group: QueuedWrite[], held: Payload): Promise<Merged> {
    const merged: Merged = {
      payload: held,
      queue: [],
      origins: new Map(),
      blindly: true,
      onlyLife: true,
    }
    for (const queued of group) {
      const { write } = queued
      const origin = merged.origins.get(write.session) ?? this.#originOf(write)
      const { own, expires } = origin
      const onlyLife = differOnlyInExpires(own, expires, write.payload, write.expires)
      try {
        // Where keys never expire, the date in the payload is the only one, and has to be written.
        if (!onlyLife || write.life === Infinity) {
          const onConflict = onlyLife ? 'merge' : write.onConflict
          const inStep = !origin.merged && samePayload(origin.held, merged.payload)
          merged.payload = inStep
            ? write.payload
            : await this.#reconcile(write, origin, merged.payload, onConflict)
          merged.origins.set(write.session, originAfter(write, merged.payload))
          if (onConflict !== 'overwrite') merged.blindly = false
          if (!onlyLife) merged.onlyLife = false
        }
        merged.queue.push(queued)
      } catch (error) {
        queued.reject(error)
      }
    }
    return merged
  }

  #rememberAll({ origins, payload }: Merged): void {
    for (const [session, origin] of origins) {
      const inStep = origin.held === payload
      const after = inStep ? origin : { ...origin, held: payload, merged: true }
      this.#loaded.remember(session, after)
    }
  }

  async #reconcile(write: Write, origin: Origin, held: Payload, onConflict: OnConflict) {
    if (onConflict === 'overwrite') return write.payload
    const merge = typeof onConflict === 'function' ? onConflict : mergeAttributes
    const base = await decode(this.#serializer, origin.own)
    const theirs = await decode(this.#serializer, held.toString())
    const ours = await decode(this.#serializer, write.payload)
    const merged = await merge(base, theirs, ours)
    if (!isObject(merged?.cookie)) {
      throw badArgument('onConflict(base, theirs, ours)', 'a session with a cookie', merged)
    }
    return encode(this.#serializer, merged)
  }

  #originOf(write: Write): Origin {
    return this.#loaded.originOf(write.session, write.sid) as Origin
  }
}

/** Takes those that can be merged, or one that may not be. */
function nextGroup(waiting: QueuedWrite[]): QueuedWrite[] {
  const alone = waiting.findIndex(({ write }) => write.onConflict === 'reject')
  return waiting.splice(0, alone === -1 ? waiting.length : Math.max(alone, 1))
}

function originAfter({ sid, payload, expires, life }: Write, held: Payload): Origin {
  const merged = held !== payload
  return { sid, held, own: payload, merged, expires, expiresAt: Date.now() + life }
}
