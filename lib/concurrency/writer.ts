import { setTimeout as sleep } from 'node:timers/promises'
import type { SessionData } from 'express-session'
import { promiseOf } from '../callback.ts'
import { SessionConflictError } from '../errors.ts'
import type { Call } from '../redis/call.ts'
import type { Reply } from '../redis/client.ts'
import {
  COMPARE_AND_SET,
  compareAndSet,
  KEEP,
  type Keep,
  replace,
  set,
  WRITTEN,
} from '../redis/commands.ts'
import type { Redis } from '../redis/redis.ts'
import { type CookieData, cookieData, hasSameExpires, hasSameMaxAge } from '../session/cookie.ts'
import { decode, type Payload, payloadOf, type Serializer } from '../session/payload.ts'
import { Draft } from './draft.ts'
import { commonBase, type Merge } from './merge.ts'
import {
  attachSnapshot,
  type Form,
  hasSnapshot,
  plainForm,
  type Snapshot,
  snapshotOf,
} from './snapshot.ts'

/** Far more than 64 writers of one session need, each of whom can lose to every other once. */
const MAX_ATTEMPTS = 100
const MAX_BACKOFF_MS = 32
/** So many failed writes of one object are remembered; what is forgotten is merged like another's. */
const MAX_FORMS = 8

/** What became of a session that was to be written. */
export type WriteOutcome = 'written' | 'gone'

/** When a session is to expire, in milliseconds since the epoch (`Infinity`: never), or as it is. */
export type Expiry = number | Keep

/** A session that is to be written. */
export interface Write {
  readonly owner: object
  readonly sid: string
  readonly key: string
  /** The object whose snapshot it is compared with, and which has one afterwards. */
  readonly session: SessionData
  readonly payload: Payload | Promise<Payload>
  /** The cookie as it stands in the payload. */
  readonly cookie: CookieData
  readonly expiry: Expiry
  /** Decides what to write where Redis holds something else. */
  readonly merge: Merge
  /** Whether it may be refused for what Redis holds, and not for a write that may fail itself. */
  readonly isAlone?: boolean
  /** When a session expires that was merged so that its cookie is neither theirs nor ours. */
  readonly expiryOf: (session: SessionData) => number
  /** On whose behalf; once that is over, nothing is written. */
  readonly call: Pick<Call<unknown>, 'isOver' | 'whenExpired'>
  readonly done: (error: Error | null, outcome?: WriteOutcome) => void
}

/** Whether a session is written only if Redis holds what it was loaded from. */
export function isGuarded(write: Write): boolean {
  return snapshotOf(write.session, write.owner, write.sid) !== undefined
}

interface WrittenForm {
  readonly write: Write
  readonly snapshot: Snapshot
  /** The object's own form in that write. */
  readonly own: Payload
}

/** What a group of writes comes to. */
interface Plan {
  readonly payload: Payload
  readonly expected: readonly (Payload | null)[]
  readonly expiry: Expiry
  /** By object, its last write. */
  readonly forms: Map<SessionData, WrittenForm>
}

/** Writes sessions: new ones as they are, and loaded ones by compare and set. */
export class Writer {
  readonly #redis: Redis
  readonly #serializer: Serializer

  constructor(redis: Redis, serializer: Serializer) {
    this.#redis = redis
    this.#serializer = serializer
  }

  /**
   * Writes one session, or several guarded writes of one together, and calls each one's `done`.
   * @param stored what Redis holds, unless another process has changed it; `undefined`: not known
   * @param next called when the next of this session may be sent: all are done, or have timed out;
   * with what Redis holds then
   */
  write(writes: Write[], stored: Payload | undefined, next: (stored?: Payload) => void): void {
    const onExpired = () => {
      if (writes.every(({ call }) => call.isOver)) next()
    }
    for (const { call } of writes) call.whenExpired(onExpired)
    const [first] = writes as [Write]
    const written = isGuarded(first) ? this.#writeTogether(writes, stored) : this.#create(first)
    written.then(next)
  }

  /** Writes a session that was not loaded from here, whatever there is. */
  async #create(write: Write): Promise<Payload | undefined> {
    const { owner, sid, key, session, cookie, expiry, call, done } = write
    try {
      const payload = await write.payload
      if (call.isOver) return undefined
      const ttlMs = ttlOf(expiry) as number
      const form = plainForm(payload)
      const forms = [{ stored: null, own: null }, form]
      const snapshot: Snapshot = { owner, sid, forms, cookie, expiresAt: expiry as number }
      // A plain object, given by hand, is written like this every time, and so is what is of elsewhere.
      if (isOfRequest(session, sid) && !hasSnapshot(session)) attachSnapshot(session, snapshot)
      await promiseOf<Reply>((answered) => this.#redis.send(set(key, payload, ttlMs), answered))
      if (call.isOver) return undefined
      snapshot.forms = [form]
      done(null, 'written')
      return payload
    } catch (error) {
      done(error as Error)
      return undefined
    }
  }

  /** Never rejects: what fails is told to the writes. */
  async #writeTogether(writes: Write[], stored?: Payload): Promise<Payload | undefined> {
    const { sid, key } = writes[0] as Write
    const open = () => writes.filter(({ call }) => !call.isOver)
    try {
      let held = stored
      for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
        if (attempt > 2) await backOff(attempt)
        const plan = await this.#plan(open(), held)
        if (plan === undefined) return held
        const reply = await this.#compareAndSet(key, plan)
        if (open().length === 0) return undefined
        if (reply === WRITTEN || reply === null) {
          const outcome = reply === null ? 'gone' : 'written'
          for (const write of open()) write.done(null, outcome)
          return reply === null ? undefined : plan.payload
        }
        held = payloadOf(reply)
      }
      throw new SessionConflictError(sid)
    } catch (error) {
      for (const write of open()) write.done(error as Error)
      return undefined
    }
  }

  /**
   * Merges writes, in their order, into what Redis holds.
   * @param held `undefined`: not asked yet; then the first one's snapshot is believed
   */
  async #plan(writes: Write[], held: Payload | undefined): Promise<Plan | undefined> {
    const forms: Plan['forms'] = new Map()
    let draft: Draft | undefined
    let expected: readonly (Payload | null)[] = []
    let expiry: Expiry = KEEP
    for (const write of writes) {
      const snapshot = snapshotOf(write.session, write.owner, write.sid) as Snapshot
      try {
        const own = await write.payload
        const earlier = forms.get(write.session)
        const known = earlier === undefined ? snapshot.forms : [laterForm(draft, earlier.own)]
        if (draft === undefined && held === undefined && known.every(isPlain)) {
          // Whichever of these Redis holds, it is to hold this.
          expected = known.map(({ stored }) => stored)
          draft = new Draft(this.#serializer, write.sid, own)
          expiry = write.expiry
        } else {
          const assumed = held ?? (known.at(-1)?.stored as Payload)
          if (draft === undefined) expected = [assumed]
          draft ??= new Draft(this.#serializer, write.sid, assumed)
          expiry = await this.#add(write, own, known, draft, expiry)
        }
        forms.set(write.session, { write, snapshot, own })
      } catch (error) {
        write.done(error as Error)
      }
    }
    if (draft === undefined || forms.size === 0) return undefined
    return { payload: await draft.payload(), expected, expiry, forms }
  }

  /** Adds a write to a draft, and gives when the session is to expire then. */
  async #add(
    write: Write,
    own: Payload,
    known: readonly Form[],
    draft: Draft,
    expiry: Expiry,
  ): Promise<Expiry> {
    const wanted = write.expiry === KEEP ? expiry : write.expiry
    const same = known.find(({ stored }) => draft.is(stored))
    if (same !== undefined && isPlain(same)) {
      draft.replaceBy(own)
      return wanted
    }
    const theirs = await draft.session()
    const ours = await this.#decode(own)
    const forms = same === undefined ? known : [same]
    const bases = await Promise.all(forms.map((form) => this.#decode(form.own)))
    const merged = await withinCall(write, write.merge(commonBase(bases, ours), theirs, ours))
    draft.change(merged)
    if (endsLike(merged, ours)) return wanted
    return endsLike(merged, theirs) ? expiry : write.expiryOf(merged)
  }

  /** Until there is an answer, each object may be what it was, or what is being written. */
  async #compareAndSet(key: string, { payload, expected, expiry, forms }: Plan): Promise<Reply> {
    const written = [...forms.values()].map(({ write, snapshot, own }) => {
      const before = snapshot.forms
      const after = [{ stored: payload, own }]
      snapshot.forms = [...before.slice(-MAX_FORMS), ...after]
      return { write, snapshot, before, after }
    })
    const args = compareAndSet(expected, payload, ttlOf(expiry))
    let reply = await promiseOf<Reply>((answered) =>
      this.#redis.run(COMPARE_AND_SET, key, args, answered),
    )
    if (reply !== null && reply !== WRITTEN && expected.includes(payloadOf(reply))) {
      // The same text, but other bytes: what is no UTF-8 cannot be compared.
      const command = replace(key, payload, ttlOf(expiry))
      const replaced = await promiseOf<Reply>((answered) => this.#redis.send(command, answered))
      reply = replaced === null ? null : WRITTEN
    }
    for (const { write, snapshot, before, after } of written) {
      if (write.call.isOver) continue
      snapshot.forms = reply === WRITTEN ? after : before
      if (reply !== WRITTEN) continue
      snapshot.cookie = write.cookie
      if (expiry !== KEEP) snapshot.expiresAt = expiry
    }
    return reply
  }

  #decode(payload: Payload | null): SessionData | Promise<SessionData> {
    return payload === null ? ({ cookie: {} } as SessionData) : decode(this.#serializer, payload)
  }
}

function isPlain({ stored, own }: Form): boolean {
  return stored === own
}

/** The form of an object that an earlier write of the same draft has written. */
function laterForm(draft: Draft | undefined, own: Payload): Form {
  return draft?.is(own) ? plainForm(own) : { stored: null, own }
}

/** Waits for a merge no longer than its caller does. */
function withinCall<T>({ call }: Write, merged: T | Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    call.whenExpired(() => reject(new Error('The call is over')))
    Promise.resolve(merged).then(resolve, reject)
  })
}

/** Whether a session ends when another one does. */
function endsLike(one: SessionData, other: SessionData): boolean {
  const [a, b] = [cookieData(one), cookieData(other)]
  return hasSameExpires(a, b) && hasSameMaxAge(a, b)
}

/** Milliseconds from now on. What is over by now is to expire at once. */
function ttlOf(expiry: Expiry): number | Keep {
  return expiry === KEEP ? KEEP : Math.max(Math.ceil(expiry - Date.now()), 1)
}

/** Waits longer, and less predictably, after each lost attempt; not at all after the first. */
async function backOff(attempt: number): Promise<void> {
  await sleep(Math.random() * Math.min(2 ** attempt, MAX_BACKOFF_MS))
}

/** Whether express-session made it for a request; there may be several copies of that package. */
function isOfRequest(session: SessionData, sid: string): boolean {
  const { save, id } = session as { save?: unknown; id?: unknown }
  return typeof save === 'function' && id === sid
}
