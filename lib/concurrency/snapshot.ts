import type { CookieData } from '../session/cookie.ts'
import type { Payload } from '../session/payload.ts'

/** What Redis may hold of a session, and what a session object was when Redis came to hold that. */
export interface Form {
  /** `null`: nothing. */
  readonly stored: Payload | null
  /** The object's own form, from which its changes count: `stored`, unless that was merged. */
  readonly own: Payload | null
}

/** What a session object was loaded from, or has been written as since. */
export interface Snapshot {
  /** The store that gave or wrote the object. */
  readonly owner: object
  readonly sid: string
  /** One; more after a write without an answer, which may have been applied or not. */
  forms: readonly Form[]
  /** The object's cookie as it was then. */
  cookie: CookieData
  /** The cookie of the last write or touch that was asked for, which may be under way still. */
  cookieAsked?: CookieData
  /** When Redis will let the session expire, in milliseconds since the epoch; `Infinity`: never. */
  expiresAt: number
  /** When the session was created, in milliseconds since the epoch, if that is kept. */
  createdAt?: number | undefined
  /** Whose the session is in Redis, by `indexBy`, where that is known. */
  value?: string | undefined
  /** An attribute `id` of the session's own, where `all` has put the session id into its place. */
  ownId?: unknown
}

/** The same symbol for the ES module and the CommonJS build, since an adapter may come from either. */
const SNAPSHOT = Symbol.for('connect-solidis.snapshot')

type WithSnapshot = { [SNAPSHOT]?: Snapshot | undefined }

/** The snapshot of an object that this store gave, or has written, under this id. */
export function snapshotOf(session: object, owner: object, sid: string): Snapshot | undefined {
  const snapshot = (session as WithSnapshot)[SNAPSHOT]
  return snapshot?.owner === owner && snapshot.sid === sid ? snapshot : undefined
}

/** Whether an object was given or written by a store, under whatever id. */
export function hasSnapshot(session: object): boolean {
  return (session as WithSnapshot)[SNAPSHOT] !== undefined
}

/** Remembers it for as long as the object lives. Copies of the object do not have it. */
export function attachSnapshot(session: object, snapshot: Snapshot): void {
  Object.defineProperty(session, SNAPSHOT, { value: snapshot, configurable: true, writable: true })
}

/**
 * Lets one object stand for another that was made of it: what the store knows of `from` it then knows
 * of `to`. For adapters and stores around SolidisStore that make session objects of their own.
 */
export function carrySnapshot(from: object, to: object): void {
  const snapshot = (from as WithSnapshot)[SNAPSHOT]
  if (snapshot !== undefined && from !== to) attachSnapshot(to, { ...snapshot })
}

/** Whether nothing of others was merged into a form. */
export function isPlain({ stored, own }: Form): boolean {
  return stored === own
}

/** A form in which nothing of others was merged. */
export function plainForm(payload: Payload): Form {
  return { stored: payload, own: payload }
}

/** Whether express-session or @fastify/session made it for a request, in whatever copy of them. */
export function isOfRequest(session: object, sid: string): boolean {
  const { save, id, sessionId } = session as { save?: unknown; id?: unknown; sessionId?: unknown }
  return typeof save === 'function' && (id === sid || sessionId === sid)
}
