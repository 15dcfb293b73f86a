/**
 * A command that Redis refused, that the client could not deliver, or that was not answered in time.
 *
 * The message names the command and the reason, never a session id or a payload; what the client or
 * Redis said itself is the `cause`.
 */
export class RedisError extends Error {
  override readonly name = 'RedisError'

  /** The name of the command that failed, e.g. `'GET'`. */
  readonly command: string

  /** `'ETIMEDOUT'`, or the code of an error reply of Redis, e.g. `'WRONGTYPE'` or `'READONLY'`. */
  readonly code: string | undefined

  constructor(
    command: string,
    reason: string,
    options: { code?: string | undefined; cause?: unknown } = {},
  ) {
    super(`${command} failed: ${reason}`, 'cause' in options ? { cause: options.cause } : {})
    this.command = command
    this.code = options.code
  }
}

/**
 * The session was changed by another request since it was loaded, and could not be written: always
 * with `onConflict: 'reject'`, else only when it changed again at every one of many attempts.
 */
export class SessionConflictError extends Error {
  override readonly name = 'SessionConflictError'
  readonly code = 'ECONFLICT'

  /** The id of the session that was not written. */
  readonly sid: string

  constructor(sid: string) {
    super('The session was changed by another request since it was loaded, and was not written')
    this.sid = sid
  }
}

/** Says what was expected and what was given, without showing what a string contains. */
export function badArgument(name: string, expected: string, given: unknown): TypeError {
  return new TypeError(`${name}: expected ${expected}, got ${describe(given)}`)
}

function describe(value: unknown): string {
  if (typeof value === 'string') return value === '' ? 'an empty string' : 'a string'
  if (typeof value === 'function') return 'a function'
  if (typeof value !== 'object' || value === null) return String(value)
  if (Array.isArray(value)) return 'an array'
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'an invalid Date' : 'a Date'
  return 'an object'
}
