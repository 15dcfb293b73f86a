import type { SessionData } from 'express-session'
import { KEEP, type Keep } from '../redis/commands.ts'
import { type CookieData, cookieData, dateOf, endsLike } from '../session/cookie.ts'
import { expiryOf, type Ttl } from '../session/ttl.ts'
import type { Snapshot } from './snapshot.ts'

/** How far what Redis says of a life may be from what was known of it, with nobody having moved it. */
const LATENCY_MS = 1000
/** No touch is spared beyond this part of a life, lest active users be logged out. */
const MAX_SPARED_PART = 1 / 2

/** When a session is to expire, in milliseconds since the epoch (`Infinity`: never), or as it is. */
export type Expiry = number | Keep

export interface LifeOptions {
  readonly ttl: Ttl
  readonly disableTTL: boolean
  readonly touchAfter: number
  readonly maxLifetime: number | undefined
}

/** How long sessions live: who moves that, and who leaves it as it is. */
export class Lives {
  readonly #options: LifeOptions

  constructor(options: LifeOptions) {
    this.#options = options
  }

  /**
   * When a session is to expire by what it says itself, in milliseconds since the epoch, or by its age.
   * @param createdAt milliseconds since the epoch, if that is known
   */
  expiryOf(session: SessionData, createdAt: number | undefined): number {
    const { disableTTL, ttl } = this.#options
    return Math.min(disableTTL ? Infinity : expiryOf(session, ttl), this.endOf(createdAt))
  }

  /** Whether sessions end at an age. */
  get isLimited(): boolean {
    return this.#options.maxLifetime !== undefined
  }

  /** When a session ends whatever is done, in milliseconds since the epoch. */
  endOf(createdAt: number | undefined): number {
    const { maxLifetime } = this.#options
    if (maxLifetime === undefined || createdAt === undefined) return Infinity
    return createdAt + maxLifetime * 1000
  }

  /** When a session was created that is to be written; it counts from then on if that is not known. */
  createdAtOf(snapshot: Snapshot | undefined): number | undefined {
    if (this.#options.maxLifetime === undefined) return snapshot?.createdAt
    return snapshot?.createdAt ?? Date.now()
  }

  /** When a session is to expire that is written: who did not move the date of its cookie, keeps it. */
  expiryToSet(
    session: SessionData,
    cookie: CookieData,
    snapshot: Snapshot | undefined,
    createdAt: number | undefined,
  ): Expiry {
    const { disableTTL, ttl } = this.#options
    const isDated = !disableTTL && typeof ttl !== 'function' && dateOf(cookie.expires) !== undefined
    const isKept =
      isDated &&
      snapshot !== undefined &&
      endsLike(cookie, snapshot.cookie) &&
      endsLike(cookie, snapshot.cookieAsked ?? snapshot.cookie) &&
      // What is perhaps not there has no life to keep.
      snapshot.forms.every(({ stored }) => stored !== null)
    return isKept ? this.keptBy(snapshot, createdAt) : this.expiryOf(session, createdAt)
  }

  /** The life that a session has, unless it is longer than it may be by now. */
  keptBy({ expiresAt }: Snapshot, createdAt: number | undefined): Expiry {
    const end = this.endOf(createdAt)
    return expiresAt > end ? end : KEEP
  }

  /** When a session expires at the latest that keeps its life, which others may lengthen meanwhile. */
  latestOf({ originalMaxAge }: CookieData, expiresAt: number): number {
    const { ttl } = this.#options
    const ttlMs = typeof ttl === 'number' ? ttl * 1000 : 0
    return Math.max(
      expiresAt,
      Date.now() + (typeof originalMaxAge === 'number' ? originalMaxAge : ttlMs),
    )
  }

  /** What decides how long a session lives, to be compared before and after a change. */
  causeOf(session: SessionData): unknown {
    const { disableTTL, ttl } = this.#options
    if (disableTTL) return undefined
    if (typeof ttl === 'function') return ttl(session)
    const { originalMaxAge, expires } = cookieData(session)
    return `${originalMaxAge} ${dateOf(expires)}`
  }

  /** Whether a touch would extend a life by less than `touchAfter`. */
  isSpared(snapshot: Snapshot, expiry: number): boolean {
    const extensionMs = expiry - snapshot.expiresAt
    const lifeMs = expiry - Date.now()
    const spareMs = Math.min(this.#options.touchAfter * 1000, lifeMs * MAX_SPARED_PART)
    return extensionMs >= 0 && extensionMs < spareMs
  }
}

/** Whether a session is over by now. */
export function isOver(expiry: Expiry): boolean {
  return expiry !== KEEP && expiry <= Date.now()
}

/** The remaining milliseconds above which another must have lengthened a life since it was known. */
export function lengthenedFrom(snapshot: Snapshot | undefined, ttlMs: number): number {
  if (snapshot === undefined || snapshot.expiresAt === Infinity) return Number.MAX_SAFE_INTEGER
  const knownMs = Math.max(Math.ceil(snapshot.expiresAt - Date.now()), 0) + LATENCY_MS
  return Math.max(ttlMs, knownMs)
}
