import { setTimeout as sleep } from 'node:timers/promises'
import { type Callback, promiseOf } from '../callback.ts'
import { PayloadTooLargeError, SessionConflictError } from '../errors.ts'
import type { Settle } from '../owners/owner-index.ts'
import type { Owners } from '../owners/owners.ts'
import type { Reply } from '../redis/client.ts'
import { type Asked, compareAndSet, KEEP, type Keep, SET, set } from '../redis/commands.ts'
import { type Redis, WRITTEN } from '../redis/redis.ts'
import { isUnsent } from '../redis/replies.ts'
import { type Codec, type Payload, payloadOf } from '../session/payload.ts'
import { Draft } from './draft.ts'
import type { Expiry } from './lives.ts'
import type { Merge } from './merge.ts'
import { attachSnapshot, hasSnapshot, isPlain, plainForm, type Snapshot } from './snapshot.ts'
import { beginWrite, snapshotOfWrite, type Write } from './write.ts'

/** Far more than 64 writers of one session need, each of whom can lose to every other once. */
const MAX_ATTEMPTS = 100
const MAX_BACKOFF_MS = 32

/** Called when the next of a session may be sent, with what Redis holds then, if that is known. */
type Next = (stored?: Payload) => void

/** Writes sessions: new ones as they are, and loaded ones by compare and set. */
export class Writer {
  readonly #redis: Redis
  readonly #codec: Codec
  readonly #owners: Owners | undefined

  /** @param owners where sessions have owners */
  constructor(redis: Redis, codec: Codec, owners: Owners | undefined) {
    this.#redis = redis
    this.#codec = codec
    this.#owners = owners
  }

  /**
   * Writes one session, or several mergeable writes of one together, and calls each one's `done`.
   * @param stored what Redis holds, unless another process has changed it; `undefined`: not known
   * @param next called, once or more, when all are done, or have timed out
   */
  write(writes: Write[], stored: Payload | undefined, next: Next): void {
    const onExpired = () => {
      if (writes.every(({ call }) => call.isOver)) next()
    }
    for (const { call } of writes) call.whenExpired(onExpired)
    const [first] = writes as [Write]
    if (typeof first.payload === 'string') this.#begin(writes, first.payload, stored, next)
    else {
      first.payload.then(
        (payload) => this.#begin(writes, payload, stored, next),
        (error) => {
          first.done(error)
          this.#writeTogether(writes, stored, next)
        },
      )
    }
  }

  #begin(writes: Write[], payload: Payload, stored: Payload | undefined, next: Next): void {
    const [write] = writes as [Write]
    const snapshot = snapshotOfWrite(write)
    if (writes.length === 1 && write.call.isOver) next(stored)
    else if (snapshot === undefined) this.#create(write, payload, next)
    else if (writes.length > 1 || !isExpected(snapshot, stored)) {
      this.#writeTogether(writes, stored, next)
    } else this.#compareAndSet(write, payload, snapshot, next)
  }

  /** Writes a session that was not loaded from here, whatever there is. */
  #create(write: Write, payload: Payload, next: Next): void {
    const { owner, sid, key, session, cookie, createdAt, isNewOfRequest, call, done } = write
    const expiry = write.expiry as number
    const snapshot: Snapshot = {
      owner,
      sid,
      forms: [NOTHING],
      cookie,
      createdAt,
      expiresAt: expiry,
    }
    // A plain object, given by hand, is written like this every time, and so is what is of elsewhere.
    if (isNewOfRequest && !hasSnapshot(session)) attachSnapshot(session, snapshot)
    // Whose id is new does not come late over what the same request has written since.
    const asked: Asked = snapshotOfWrite(write) === undefined ? 'any' : 'new'
    this.#whenListed(write, snapshot, next, (settle) => {
      const end = beginWrite(write, snapshot, plainForm(payload))
      const args = set(payload, ttlOf(expiry), asked)
      call.trace?.asks(payload)
      this.#redis.runInTime(SET, key, args, call.deadline, (error, reply) => {
        if (isPayload(reply)) {
          call.trace?.lost()
          end(false)
          settle?.()
          const ours: Merge = (_base, _theirs, session) => session
          return this.#writeTogether([{ ...write, merge: ours }], payloadOf(reply), next)
        }
        const isKnown = error === null || isUnsent(error)
        if (isKnown) end(error === null)
        if (isKnown) settle?.()
        done(error, 'written')
        next(error === null ? payload : undefined)
      })
    })
  }

  /** What a write nearly always is: one comparison, with nobody else about. */
  #compareAndSet(write: Write, payload: Payload, snapshot: Snapshot, next: Next): void {
    const { key, expiry, call, done, value } = write
    const stored = snapshot.forms.map((form) => form.stored)
    const expected = stored.filter((held) => held !== null)
    const valueBefore = snapshot.value
    this.#whenListed(write, snapshot, next, (settle) => {
      const end = beginWrite(write, snapshot, plainForm(payload))
      const answered: Callback<Reply> = (error, reply) => {
        const isKnown = error === null || isUnsent(error)
        if (isKnown) end(reply === WRITTEN)
        if (isKnown) settle?.()
        if (error !== null || reply === null) {
          done(error, 'gone')
          next()
        } else if (reply === WRITTEN) {
          this.#forget(write.sid, valueBefore, value)
          done(null, 'written')
          next(payload)
        } else {
          call.trace?.lost()
          this.#writeTogether([write], payloadOf(reply), next)
        }
      }
      call.trace?.asks(payload)
      // What may be new is written where there is nothing, but not late: it may have been destroyed.
      const isNew = expected.length < stored.length
      if (!isNew && settle === undefined) {
        const args = compareAndSet(expected, payload, ttlOf(expiry))
        this.#redis.compareAndSet(key, args, answered)
      } else {
        const args = set(payload, ttlOf(expiry), isNew ? 'new' : 'held', expected)
        this.#redis.runInTime(SET, key, args, call.deadline, answered)
      }
    })
  }

  /** Goes on when the session is listed under its value: at once, where it is, or need not be. */
  #whenListed(
    write: Write,
    { value: valueBefore, expiresAt: expiresAtBefore }: Snapshot,
    next: Next,
    goOn: (settle: Settle | undefined) => void,
  ): void {
    if (this.#owners === undefined) {
      goOn(undefined)
      return
    }
    const { sid, value, cookie, expiry, lives, call, done } = write
    const expiresAt = expiry === KEEP ? lives.latestOf(cookie, expiresAtBefore) : expiry
    const listing = { sid, value, expiresAt, expiresAtBefore }
    const listed = this.#owners.list(listing, valueBefore, call.deadline)
    if (listed === undefined) {
      goOn(undefined)
      return
    }
    call.trace?.asks()
    listed.then(
      (settle) => {
        if (!call.isOver) return goOn(settle)
        settle?.()
        next()
      },
      (error) => {
        done(error)
        next()
      },
    )
  }

  /** A session has another value than before, under which it is to be listed no longer. */
  #forget(sid: string, valueBefore: string | undefined, value: string | undefined): void {
    if (valueBefore === undefined || valueBefore === value) return
    // Where this fails, an entry is left that costs some work later.
    this.#owners?.forget(valueBefore, sid).catch(() => {})
  }

  /** Merges writes into what Redis holds until it still holds that when they arrive. */
  #writeTogether(writes: Write[], stored: Payload | undefined, next: Next): void {
    this.#tryTogether(writes, stored).then(next, (error) => {
      const [first, ...others] = writes as [Write, ...Write[]]
      if (error instanceof PayloadTooLargeError && others.length > 0) {
        // Not all are to fail for what one has added.
        this.#writeTogether([first], stored, (now) => this.#writeTogether(others, now, next))
        return
      }
      for (const { done } of writes) done(error)
      next()
    })
  }

  async #tryTogether(writes: Write[], stored?: Payload): Promise<Payload | undefined> {
    const [first] = writes as [Write]
    let held = stored ?? (snapshotOfWrite(first)?.forms.at(-1)?.stored as Payload)
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      // What is known is old after a wait: one attempt is to learn, the next one to win.
      if (attempt > 2 && attempt % 2 === 1) await backOff(attempt)
      const draft = await this.#draft(writes, held)
      if (draft.parts.size === 0) return stored
      const reply = await this.#replace(first, held, draft)
      if (reply === WRITTEN || reply === null) {
        const outcome = reply === null ? 'gone' : 'written'
        for (const { done } of writes) done(null, outcome)
        return reply === null ? undefined : draft.payload()
      }
      held = payloadOf(reply)
      for (const { write } of draft.parts.values()) write.call.trace?.lost()
    }
    throw new SessionConflictError(first.sid)
  }

  async #draft(writes: Write[], held: Payload): Promise<Draft> {
    const draft = new Draft(this.#codec, this.#owners, (writes[0] as Write).sid, held)
    for (const write of writes) {
      if (write.call.isOver) continue
      await draft.add(write).catch((error) => {
        if (error instanceof PayloadTooLargeError && writes.length > 1) throw error
        write.done(error)
      })
    }
    return draft
  }

  async #replace({ sid, key, lives }: Write, held: Payload, draft: Draft): Promise<Reply> {
    const payload = await draft.payload()
    const { expiry, value, createdAt, cookie, deadline, expiresAtBefore } = draft
    const valueBefore = await draft.valueHeld()
    const expiresAt = expiry === KEEP ? lives.latestOf(cookie, expiresAtBefore) : expiry
    const listing = { sid, value, expiresAt, expiresAtBefore }
    const settle = await this.#owners?.list(listing, valueBefore, deadline)
    // All that may have taken so long that later calls have gone on from what was there before.
    if ([...draft.parts.values()].every(({ write }) => write.call.isOver)) {
      settle?.()
      throw new Error('The calls are over')
    }
    const ends = [...draft.parts.values()].map(({ write, snapshot, own }) =>
      beginWrite({ ...write, value, createdAt }, snapshot, { stored: payload, own }),
    )
    for (const { write } of draft.parts.values()) write.call.trace?.asks(payload)
    const reply = await promiseOf<Reply>((done) => {
      const ttlMs = ttlOf(expiry)
      if (settle === undefined) {
        this.#redis.compareAndSet(key, compareAndSet([held], payload, ttlMs), done)
      } else {
        this.#redis.runInTime(SET, key, set(payload, ttlMs, 'held', [held]), deadline, done)
      }
    }).catch((error) => {
      if (isUnsent(error)) for (const end of ends) end(false)
      throw error
    })
    const isSameText = isPayload(reply) && payloadOf(reply) === held
    const outcome = isSameText ? await this.#overwrite(key, payload, draft) : reply
    for (const end of ends) end(outcome === WRITTEN)
    settle?.()
    if (outcome === WRITTEN) this.#forget(sid, valueBefore, value)
    return outcome
  }

  /** For what is the same text, but other bytes: what is no UTF-8 cannot be compared. */
  #overwrite(key: string, payload: Payload, { expiry, deadline }: Draft): Promise<Reply> {
    const args = set(payload, ttlOf(expiry), 'there')
    return promiseOf((done) => this.#redis.runInTime(SET, key, args, deadline, done))
  }
}

const NOTHING = { stored: null, own: null }

/** Whether Redis may hold what an object was loaded from, and nothing that it has not. */
function isExpected({ forms }: Snapshot, stored: Payload | undefined): boolean {
  const isKnown = stored === undefined || forms.some((form) => form.stored === stored)
  return isKnown && forms.every(isPlain)
}

function isPayload(reply: Reply | undefined): boolean {
  return typeof reply === 'string' || Buffer.isBuffer(reply)
}

/** Milliseconds from now on. What is over by now is to expire at once. */
function ttlOf(expiry: Expiry): number | Keep {
  return expiry === KEEP ? KEEP : Math.max(Math.ceil(expiry - Date.now()), 1)
}

/** Waits longer, and less predictably, after each lost attempt. */
async function backOff(attempt: number): Promise<void> {
  await sleep(Math.random() * Math.min(2 ** attempt, MAX_BACKOFF_MS))
}
