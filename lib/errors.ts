import type { ErrorCode } from './error-codes.ts'

/**
 * Lets `instanceof` know the errors of this package by their name, since an app may have loaded it
 * twice: as an ES module and as CommonJS.
 */
const BRAND = Symbol.for('connect-solidis.error')

abstract class StoreError extends Error {
  /** @internal What a class is known by: not its name, which a bundler may shorten. */
  static readonly brand: string

  /** @internal */
  static override [Symbol.hasInstance](this: { readonly brand: string }, value: unknown): boolean {
    // biome-ignore lint/complexity/noThisInStatic: each subclass asks for its own
    return isInstance(value, this)
  }

  /** What code can act on. */
  abstract readonly code: string

  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    const { brand } = new.target
    hide(this, 'name', brand)
    hide(this, BRAND, brand)
  }
}

/**
 * A command that Redis refused, that the client could not deliver, or that was not answered in time.
 *
 * The message names the command and the reason, never a session id or a payload; what the client
 * said itself is the `cause`.
 */
export class RedisError extends StoreError {
  static override readonly brand = 'RedisError'

  /** The name of the command that failed, e.g. `'GET'`. */
  readonly command: string

  /**
   * `'ETIMEDOUT'`, another code of the connection (`'ECONNREFUSED'`, `'ECONNRESET'`, …), the code of
   * an error reply of Redis (`'WRONGTYPE'`, `'READONLY'`, …), or `'EREDIS'` where there is none. Others
   * than those of `ErrorCode` are possible.
   */
  readonly code: ErrorCode | (string & {})

  constructor(
    command: string,
    reason: string,
    options: { code?: string | undefined; cause?: unknown } = {},
  ) {
    const { code = 'EREDIS', ...rest } = options
    super(`${command} failed: ${reason}`, rest)
    this.command = command
    this.code = code
  }
}

/**
 * The session was changed by another request since it was loaded, and could not be written: always
 * with `onConflict: 'reject'`, else only when it changed again at every one of many attempts.
 */
export class SessionConflictError extends StoreError {
  static override readonly brand = 'SessionConflictError'

  readonly code = 'ECONFLICT'

  /** The id of the session that was not written. Not shown where the error is logged. */
  declare readonly sid: string

  constructor(sid: string) {
    super('The session was changed by another request since it was loaded, and was not written')
    hide(this, 'sid', sid)
  }
}

/**
 * The session was not written, since as many sessions as `maxSessions` allows have the same value of
 * `indexBy` already.
 */
export class TooManySessionsError extends StoreError {
  static override readonly brand = 'TooManySessionsError'

  readonly code = 'ETOOMANYSESSIONS'

  /** How many there may be. */
  readonly limit: number

  constructor(limit: number) {
    super(
      `The session was not written: ${limit} others of its owner are there, as many as there may be`,
    )
    this.limit = limit
  }
}

/** The session was not written, since it is larger than `maxPayload` allows. */
export class PayloadTooLargeError extends StoreError {
  static override readonly brand = 'PayloadTooLargeError'

  readonly code = 'EPAYLOADTOOLARGE'

  /** Bytes that the session has, serialized. */
  readonly size: number
  /** Bytes that it may have. */
  readonly limit: number
  /** The name of its largest attribute. */
  readonly attribute: string | undefined

  constructor(size: number, limit: number, attribute: string | undefined) {
    const largest = attribute === undefined ? '' : `; its largest attribute is '${attribute}'`
    super(
      `The session was not written: it has ${size} bytes, more than maxPayload (${limit})${largest}`,
    )
    this.size = size
    this.limit = limit
    this.attribute = attribute
  }
}

/**
 * What Redis holds under a key of the store is no session: it does not decode or decrypt, or has no
 * cookie.
 */
export class InvalidSessionError extends StoreError {
  static override readonly brand = 'InvalidSessionError'

  /**
   * `'ESECRET'`: it was encrypted with a secret that is not in `encryption.secrets`; `'EPLAIN'`: it is not
   * encrypted, but has to be; `'EDECRYPT'`: it was changed, or is that of another session; `'ECODEC'`: it
   * was compressed by what this Node lacks; `'EINVALIDSESSION'`: something else.
   */
  readonly code: InvalidSessionCode

  constructor(message: string, code: InvalidSessionCode = 'EINVALIDSESSION') {
    super(message)
    this.code = code
  }
}

export type InvalidSessionCode = 'EINVALIDSESSION' | 'ESECRET' | 'EPLAIN' | 'EDECRYPT' | 'ECODEC'

/**
 * Says what was expected and what was given, without showing what a string contains.
 * @param shown what to say of what was given, if not what it is
 */
export function badArgument(
  name: string,
  expected: string,
  given: unknown,
  shown = describe(given),
): TypeError {
  const error = new TypeError(`${name}: expected ${expected}, got ${shown}`)
  return Object.assign(error, { code: 'ERR_INVALID_ARG_TYPE' })
}

/** Whether an error is of a class of this package. */
export function isOwnError(error: unknown): error is StoreError {
  return error instanceof Error && BRAND in error
}

/** Whether something is an object, of whatever kind. */
export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function describe(value: unknown): string {
  if (typeof value === 'string') return value === '' ? 'an empty string' : 'a string'
  if (typeof value === 'function') return 'a function'
  if (!isObject(value)) return String(value)
  if (Array.isArray(value)) return 'an array'
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'an invalid Date' : 'a Date'
  if (value instanceof Promise) return 'a promise'
  return 'an object'
}

/** Only the classes of this package have a brand of their own. */
function isInstance(value: unknown, asked: { readonly brand: string }): boolean {
  if (Object.hasOwn(asked, 'brand')) return Object(value)[BRAND] === asked.brand
  return Function.prototype[Symbol.hasInstance].call(asked, value)
}

/** What is not enumerable is not shown by `console.error`. */
function hide(error: Error, name: string | symbol, value: unknown): void {
  Object.defineProperty(error, name, { value })
}
