import type { Expires } from '../session/expiry.ts'
import type { Payload } from '../session/payload.ts'

/** What a session object was loaded from, or written as since. */
export interface Origin {
  readonly sid: string
  /** What Redis held then, to be compared with what it holds now. */
  readonly held: Payload
  /**
   * The object's own form at that time, from which its changes count: the same as `held`, unless
   * others' changes, which the object does not have, were merged into that.
   */
  readonly payload: Payload
  /** `cookie.expires` as it stands in the payload. */
  readonly expires: Expires
  /** When Redis will let the session expire, in milliseconds since the epoch; `Infinity`: never. */
  readonly expiresAt: number
}

/** Remembers, for as long as a session object lives, what it was loaded from. */
export class LoadedSessions {
  remember(session: object, origin: Origin): void {
    Mark.put(session, this, origin)
  }

  /** Whether the origin of a session object is known, under whatever id and to whatever store. */
  isKnown(session: object): boolean {
    return Mark.isOn(session)
  }

  /** The origin of a session object, unless it was loaded under another id or not at all. */
  originOf(session: object, sid: string): Origin | undefined {
    const origin = Mark.get(session, this)
    return origin?.sid === sid ? origin : undefined
  }

  /** Carries the origin of one object over to another that was made of it. */
  carryOver(from: object, to: object): void {
    const origin = Mark.get(from, this)
    if (origin !== undefined) Mark.put(to, this, origin)
  }
}

/** A constructor that returns what it is given: the fields of a subclass go onto that object. */
class Given {
  constructor(object: object) {
    // biome-ignore lint/correctness/noConstructorReturn: this is the whole point
    return object
  }
}

/**
 * A private field on an object of somebody else's, which nobody else sees. It does what a WeakMap
 * does, but costs the garbage collector nothing: with a WeakMap, `get` took twice as long.
 */
class Mark extends Given {
  #owner: LoadedSessions
  #origin: Origin

  private constructor(object: object, owner: LoadedSessions, origin: Origin) {
    super(object)
    this.#owner = owner
    this.#origin = origin
  }

  static isOn(object: object): boolean {
    return #origin in object
  }

  static put(object: object, owner: LoadedSessions, origin: Origin): void {
    if (#origin in object) {
      object.#owner = owner
      object.#origin = origin
    } else {
      new Mark(object, owner, origin)
    }
  }

  static get(object: object, owner: LoadedSessions): Origin | undefined {
    return #origin in object && object.#owner === owner ? object.#origin : undefined
  }
}
