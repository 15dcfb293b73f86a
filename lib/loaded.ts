import type { Expires } from './expiry.ts'
import type { Payload } from './payload.ts'

/** What Redis held of a session when a session object was last in step with it. */
export interface Origin {
  readonly sid: string
  /** What Redis held, to be compared with what it holds now. */
  readonly held: Payload
  /** The object's own form at that time, from which its changes count: `held`, unless merged. */
  readonly own: Payload
  /** `cookie.expires` as it stands in `own`. */
  readonly expires: Expires
  /** When Redis will let the session expire, in milliseconds since the epoch; `Infinity`: never. */
  readonly expiresAt: number
}

/** Remembers, for as long as a session object lives, what it was loaded from. */
export class LoadedSessions {
  readonly #origins = new WeakMap<object, Origin>()

  remember(session: object, origin: Origin): void {
    this.#origins.set(session, origin)
  }

  /** The origin of a session object, unless it was loaded under another id or not at all. */
  originOf(session: object, sid: string): Origin | undefined {
    const origin = this.#origins.get(session)
    return origin?.sid === sid ? origin : undefined
  }

  /** Carries the origin of one object over to another that was made of it. */
  carryOver(from: object, to: object): void {
    const origin = this.#origins.get(from)
    if (origin !== undefined) this.#origins.set(to, origin)
  }
}
