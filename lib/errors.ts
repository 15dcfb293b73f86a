/**
 * Lets `instanceof` know the errors of this package by their name, since an app may have loaded it
 * twice: as an ES module and as CommonJS.
 */
const BRAND = Symbol.for('connect-solidis.error')

abstract class StoreError extends Error {
  static override [Symbol.hasInstance](this: { name: string }, value: unknown): boolean {
    // biome-ignore lint/complexity/noThisInStatic: each subclass asks for its own name
    return Object(value)[BRAND] === this.name
  }

  /** What code can act on. */
  abstract readonly code: string

  constructor(brand: string, message: string, options?: ErrorOptions) {
    super(message, options)
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
  /** The name of the command that failed, e.g. `'GET'`. */
  readonly command: string

  /**
   * `'ETIMEDOUT'`, another code of the connection (`'ECONNREFUSED'`, `'ECONNRESET'`, …), the code of
   * an error reply of Redis (`'WRONGTYPE'`, `'READONLY'`, …), or `'EREDIS'` where there is none.
   */
  readonly code: string

  constructor(
    command: string,
    reason: string,
    options: { code?: string | undefined; cause?: unknown } = {},
  ) {
    const { code = 'EREDIS', ...rest } = options
    super('RedisError', `${command} failed: ${reason}`, rest)
    this.command = command
    this.code = code
  }
}

/**
 * The session was changed by another request since it was loaded, and could not be written: always
 * with `onConflict: 'reject'`, else only when it changed again at every one of many attempts.
 */
export class SessionConflictError extends StoreError {
  readonly code = 'ECONFLICT'

  /** The id of the session that was not written. Not shown where the error is logged. */
  declare readonly sid: string

  constructor(sid: string) {
    super(
      'SessionConflictError',
      'The session was changed by another request since it was loaded, and was not written',
    )
    hide(this, 'sid', sid)
  }
}

/** What Redis holds under a key of the store is no session: it does not decode, or has no cookie. */
export class InvalidSessionError extends StoreError {
  readonly code = 'EINVALIDSESSION'

  constructor(message: string) {
    super('InvalidSessionError', message)
  }
}

/** Says what was expected and what was given, without showing what a string contains. */
export function badArgument(name: string, expected: string, given: unknown): TypeError {
  const error = new TypeError(`${name}: expected ${expected}, got ${describe(given)}`)
  return Object.assign(error, { code: 'ERR_INVALID_ARG_TYPE' })
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

/** What is not enumerable is not shown by `console.error`. */
function hide(error: Error, name: string | symbol, value: unknown): void {
  Object.defineProperty(error, name, { value })
}
