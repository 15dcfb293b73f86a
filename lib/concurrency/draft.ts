import type { SessionData } from 'express-session'
import type { Owners } from '../owners/owners.ts'
import { KEEP } from '../redis/commands.ts'
import { type CookieData, cookieData, endsLike } from '../session/cookie.ts'
import type { Codec, Payload } from '../session/payload.ts'
import { publish } from '../tracing/channels.ts'
import type { Expiry } from './lives.ts'
import { commonBase, mergeSessions } from './merge.ts'
import { type Form, isPlain, plainForm, type Snapshot } from './snapshot.ts'
import { snapshotOfWrite, type Write } from './write.ts'

/** A write that takes part in a draft. */
interface Part {
  readonly write: Write
  readonly snapshot: Snapshot
  /** The object's own form in that write. */
  readonly own: Payload
}

/**
 * What Redis is to hold of a session, while writes are merged into it one after another. Many may be,
 * so it is decoded and encoded no more often than needed.
 */
export class Draft {
  /** By object, its last write. */
  readonly parts = new Map<SessionData, Part>()
  expiry: Expiry = KEEP
  cookie: CookieData = {}
  /** When the session was created, if that is kept. */
  createdAt: number | undefined
  /** Whose the session is to be. */
  value: string | undefined
  readonly #codec: Codec
  readonly #owners: Owners | undefined
  readonly #sid: string
  readonly #held: Payload
  /** Only while `#session` has no more in it. */
  #payload: Payload | undefined
  #session: SessionData | undefined
  readonly #bases = new Map<Payload | null, SessionData | Promise<SessionData>>()

  /** When the first of those who wait for it is told that it failed, by the clock of `performance.now()`. */
  get deadline(): number {
    return Math.min(...[...this.parts.values()].map(({ write }) => write.call.deadline))
  }

  constructor(codec: Codec, owners: Owners | undefined, sid: string, held: Payload) {
    this.#codec = codec
    this.#owners = owners
    this.#sid = sid
    this.#held = held
    this.#payload = held
  }

  /** When the session expires as it is held; long ago, where another has written it, for all that is known. */
  get expiresAtBefore(): number {
    const known = [...this.parts.values()].map(({ snapshot: { forms, expiresAt } }) => {
      const isHeld = forms.length === 1 && forms[0]?.stored === this.#held
      return isHeld ? expiresAt : Number.NEGATIVE_INFINITY
    })
    return Math.min(...known)
  }

  /** Merges a write into what there is by now. */
  async add(write: Write): Promise<void> {
    const snapshot = snapshotOfWrite(write) as Snapshot
    const own = await write.payload
    const known = this.#knownOf(write, snapshot)
    const wanted = write.expiry === KEEP ? this.expiry : write.expiry
    const same = known.find(({ stored }) => stored === this.#payload)
    if (same !== undefined && isPlain(same)) {
      this.#payload = own
      this.#session = undefined
      this.expiry = wanted
      this.value = write.value
      this.createdAt = write.createdAt
      this.cookie = write.cookie
    } else {
      if (same === undefined) publish('conflict')
      // Another merge may change them in place, and fail then.
      const isSafe = write.merge === mergeSessions
      const theirs = isSafe ? await this.#current() : await this.#decode(await this.payload())
      const cookie = cookieData(theirs)
      const ours = await this.#codec.decode(this.#sid, own)
      const loadedFrom = (same ? [same] : known).map(({ own }) => this.#base(own, isSafe))
      const base = commonBase(await Promise.all(loadedFrom), ours)
      const merged = isSafe
        ? mergeSessions(base, theirs, ours)
        : await inTime(write, write.merge(base, theirs, ours))
      write.call.trace?.merged()
      this.value = this.#owners?.valueOf(merged)
      this.#session = merged
      this.#payload = undefined
      this.createdAt = earlier(this.#codec.createdAtOf(theirs) ?? this.createdAt, write.createdAt)
      this.cookie = cookieData(merged)
      if (endsLike(this.cookie, cookieData(ours))) this.expiry = wanted
      else if (!endsLike(this.cookie, cookie))
        this.expiry = write.lives.expiryOf(merged, this.createdAt)
    }
    if (this.expiry !== KEEP) this.expiry = Math.min(this.expiry, write.lives.endOf(this.createdAt))
    this.parts.set(write.session, { write, snapshot, own })
  }

  /** Whose the session is as it is held. */
  async valueHeld(): Promise<string | undefined> {
    if (this.#owners === undefined) return undefined
    return this.#owners.valueOfLoaded(await this.#decode(this.#held))
  }

  async payload(): Promise<Payload> {
    this.#payload ??= await this.#codec.encode(
      this.#sid,
      this.#session as SessionData,
      this.createdAt,
    )
    return this.#payload
  }

  async #current(): Promise<SessionData> {
    this.#session ??= await this.#codec.decode(this.#sid, this.#payload as Payload)
    return this.#session
  }

  /** What an object is compared with: its snapshot, or what an earlier write of it has made of that. */
  #knownOf({ session }: Write, snapshot: Snapshot): readonly Form[] {
    const earlier = this.parts.get(session)
    if (earlier === undefined) return snapshot.forms
    const { own } = earlier
    return this.#payload === own ? [plainForm(own)] : [{ stored: null, own }]
  }

  /** Of many writes of one session, most were loaded from the same. */
  #base(payload: Payload | null, isSafe: boolean): SessionData | Promise<SessionData> {
    if (!isSafe) return this.#decode(payload)
    const base = this.#bases.get(payload) ?? this.#decode(payload)
    this.#bases.set(payload, base)
    return base
  }

  #decode(payload: Payload | null): SessionData | Promise<SessionData> {
    return payload === null
      ? ({ cookie: {} } as SessionData)
      : this.#codec.decode(this.#sid, payload)
  }
}

function earlier(one: number | undefined, other: number | undefined): number | undefined {
  return one !== undefined && other !== undefined ? Math.min(one, other) : (one ?? other)
}

/** Waits for a merge no longer than its caller does. */
function inTime<T>({ call }: Write, merged: T | Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    call.whenExpired(() => reject(new Error('The call is over')))
    Promise.resolve(merged).then(resolve, reject)
  })
}
