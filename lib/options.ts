import type { OnConflict } from './concurrency/merge.ts'
import { badArgument, isObject } from './errors.ts'
import type { IndexBy } from './owners/members.ts'
import type { MaxSessions } from './owners/owners.ts'
import type { SolidisLike } from './redis/client.ts'
import { type Compression, isAvailable } from './session/compression.ts'
import { MIN_SECRET_BYTES } from './session/encryption.ts'
import type { Serializer } from './session/payload.ts'
import type { Encryption } from './session/sealing.ts'
import { isDateFromNow, type Ttl } from './session/ttl.ts'

/** Options of `new SolidisStore(options)`. All but `client` have a default. */
export interface SolidisStoreOptions {
  /** A Solidis client, or another client through `fromNodeRedis` or `fromIoredis`. */
  client: SolidisLike
  /** Put before the session id to make the key; taken literally. May be empty. Default `'sess:'`. */
  prefix?: string | undefined
  /**
   * How many seconds a session lives. A number serves only where the session's cookie has no
   * `expires`; a function always decides. Zero or less, from a function, destroys the session.
   * Default 86400, a day.
   */
  ttl?: Ttl | undefined
  /** Keys never expire. Default `false`. */
  disableTTL?: boolean | undefined
  /** `touch` does nothing. Default `false`. */
  disableTouch?: boolean | undefined
  /**
   * Seconds: a `touch` that would extend a session's life by less, and by less than half of it, is not
   * sent. Default 0.
   */
  touchAfter?: number | undefined
  /** The COUNT hint of SCAN: about as many keys are worked on at a time. Default 1000. */
  scanCount?: number | undefined
  /**
   * Turns sessions into text and back; may be asynchronous. Default `JSON`.
   */
  serializer?: Serializer | undefined
  /**
   * What `set` does where the session was changed by another request since it was loaded:
   * `'merge'` the changes of both, attribute by attribute; `'overwrite'` theirs; `'reject'` with a
   * `SessionConflictError`; or what a function makes of `(base, theirs, ours)`. Default `'merge'`.
   */
  onConflict?: OnConflict | undefined
  /**
   * Whose a session is, such as the id of its user: a string that is not empty, or `undefined`. For
   * `findBy` and `destroyBy`. Where the store was used without it, call `reindex` once.
   */
  indexBy?: IndexBy | undefined
  /**
   * With `indexBy`: at most so many sessions a value. `{ limit, whenFull }` says what is done about one
   * more: `'evict'` ends the one that was used least recently, and an `'evicted'` event tells of it;
   * with `'reject'`, `set` fails with a `TooManySessionsError`. A number stands for `'evict'`.
   */
  maxSessions?: number | MaxSessions | undefined
  /**
   * How many seconds a session lives at most, whatever its activity. Counted from when it was created,
   * which its payload says from then on; for a session that was there before this option, from its
   * first write after that.
   */
  maxLifetime?: number | undefined
  /**
   * Whether a payload without a tag of this store is no session. Such are those that connect-redis
   * wrote, which get a tag with their next write. Default `false`.
   */
  requireTag?: boolean | undefined
  /**
   * Encrypts the sessions: `{ secrets: [current, ...older], acceptPlain, writePlain }`. Merging and comparing work as
   * without. What cannot be decrypted is no session, and an `'invalid'` event tells why.
   */
  encryption?: Encryption | undefined
  /**
   * Whether a key has a digest of the session id (SHA-256, base64url) in place of the id, so that who can
   * read the keys has no id. Lists and events then give the digest where they gave the id. Sessions that
   * were there before are not found any more. Default `false`.
   */
  hashKeys?: boolean | undefined
  /**
   * Compresses large sessions: `true`, or `{ algorithm, minSize }`. Where an attacker chooses a part of a
   * session, its length then tells of the rest, such as a token in it. Default `false`.
   */
  compression?: boolean | Compression | undefined
  /**
   * How many bytes a session may have, serialized; `set` of a larger one fails with a
   * `PayloadTooLargeError`. `Infinity`: any number. Default 1,048,576, a mebibyte.
   */
  maxPayload?: number | undefined
  /**
   * How many milliseconds a call may take, whatever it has to do, after which it fails with the code
   * `ETIMEDOUT`; 0 for no limit. Where a call visits many sessions, each answer may take so long.
   * Default 5000.
   */
  timeout?: number | undefined
  /**
   * How many calls may wait for Redis at once; one more fails at once with the code `EOVERLOAD`.
   * Default 10,000.
   */
  maxPending?: number | undefined
  /**
   * Whether calls fail at once, with the code `EBREAKER`, while Redis does not answer, instead of
   * waiting for it in vain each. Default `true`.
   */
  breaker?: boolean | undefined
}

/** The options with their defaults. */
export type ResolvedOptions = Required<{
  readonly [K in Exclude<keyof SolidisStoreOptions, Optional>]: NonNullable<SolidisStoreOptions[K]>
}> & {
  readonly indexBy: IndexBy | undefined
  readonly maxSessions: MaxSessions | undefined
  readonly maxLifetime: number | undefined
  readonly encryption: Encryption | undefined
  readonly compression: Compression | undefined
}

/** Options that have no default, or stand for another form of themselves. */
type Optional = 'indexBy' | 'maxSessions' | 'maxLifetime' | 'encryption' | 'compression'

const MAX_TIMER_MS = 2 ** 31 - 1

type Rule = [expected: string, isMet: (value: never) => boolean]

const RULES: Record<Exclude<keyof SolidisStoreOptions, 'client'>, Rule> = {
  prefix: ['a string of well-formed Unicode', isWellFormed],
  ttl: ['a positive number of seconds until a date, or a function', isTtl],
  disableTTL: ['a boolean', isBoolean],
  disableTouch: ['a boolean', isBoolean],
  touchAfter: ['zero or more seconds', (value) => value === 0 || isPositive(value)],
  scanCount: ['a positive integer', isPositiveInteger],
  serializer: ['an object with parse and stringify', isSerializer],
  onConflict: ["'merge', 'overwrite', 'reject' or a function", isOnConflict],
  indexBy: ['a function', (value) => value === undefined || isFunction(value)],
  maxSessions: [
    "a positive integer, or { limit, whenFull } with 'evict' or 'reject'",
    (value) => value === undefined || isMaxSessions(value),
  ],
  maxLifetime: [
    'a positive number of seconds until a date',
    (value) => value === undefined || (isPositive(value) && isDateFromNow(value)),
  ],
  requireTag: ['a boolean', isBoolean],
  encryption: [
    'an object with secrets, an array that is not empty',
    (value) => value === undefined || isEncryption(value),
  ],
  hashKeys: ['a boolean', isBoolean],
  compression: [
    "a boolean, or { algorithm, minSize } with 'brotli', or 'zstd' where Node has it",
    (value) => value === undefined || isCompression(value),
  ],
  maxPayload: [
    'a positive number of bytes',
    (value) => isPositive(value) || value === Number.POSITIVE_INFINITY,
  ],
  maxPending: ['a positive integer', isPositiveInteger],
  breaker: ['a boolean', isBoolean],
  timeout: [
    `0 to ${MAX_TIMER_MS} milliseconds`,
    (value) => value === 0 || (isPositive(value) && value <= MAX_TIMER_MS),
  ],
}

/**
 * Fills in the defaults; `null` counts as not given, as in connect-redis.
 * @throws TypeError that names the first bad option, what was expected and what was given
 */
export function resolveOptions(options: SolidisStoreOptions): ResolvedOptions {
  if (!isObject(options)) {
    throw badArgument('options', 'an object with a client', options)
  }
  for (const name of Object.keys(options)) checkName(name)
  checkClient(options.client)
  const resolved: ResolvedOptions = {
    client: options.client,
    prefix: options.prefix ?? 'sess:',
    ttl: options.ttl ?? 86400,
    disableTTL: options.disableTTL ?? false,
    disableTouch: options.disableTouch ?? false,
    touchAfter: options.touchAfter ?? 0,
    scanCount: options.scanCount ?? 1000,
    serializer: options.serializer ?? JSON,
    onConflict: options.onConflict ?? 'merge',
    indexBy: options.indexBy ?? undefined,
    maxLifetime: options.maxLifetime ?? undefined,
    maxSessions: maxSessionsOf(options.maxSessions ?? undefined),
    requireTag: options.requireTag ?? false,
    encryption: options.encryption ?? undefined,
    hashKeys: options.hashKeys ?? false,
    compression: compressionOf(options.compression ?? undefined),
    maxPayload: options.maxPayload ?? 2 ** 20,
    timeout: options.timeout ?? 5000,
    maxPending: options.maxPending ?? 10_000,
    breaker: options.breaker ?? true,
  }
  for (const name of Object.keys(RULES) as (keyof typeof RULES)[]) {
    const [expected, isMet] = RULES[name]
    if (!isMet(resolved[name] as never)) throw badArgument(name, expected, options[name])
  }
  checkEncryption(resolved.encryption)
  checkTogether(resolved)
  return resolved
}

function maxSessionsOf(given: number | MaxSessions | undefined): MaxSessions | undefined {
  return typeof given === 'number' ? { limit: given } : given
}

function compressionOf(given: boolean | Compression | undefined): Compression | undefined {
  if (typeof given !== 'boolean') return given
  return given ? {} : undefined
}

/** @throws TypeError that shows nothing of a secret */
function checkEncryption(encryption: Encryption | undefined): void {
  if (encryption === undefined) return
  const { secrets, acceptPlain, writePlain, ...others } = encryption
  const [other] = Object.keys(others)
  if (other !== undefined)
    throw noSuchOption(`encryption.${other}`, 'secrets, acceptPlain, writePlain')
  if (acceptPlain !== undefined && !isBoolean(acceptPlain)) {
    throw badArgument('encryption.acceptPlain', 'a boolean', acceptPlain)
  }
  if (writePlain !== undefined && !isBoolean(writePlain)) {
    throw badArgument('encryption.writePlain', 'a boolean', writePlain)
  }
  if (writePlain && !acceptPlain) {
    throw badArgument('encryption.acceptPlain', 'true, with writePlain', acceptPlain)
  }
  for (const [i, secret] of secrets.entries()) {
    const isBytes = typeof secret === 'string' || secret instanceof Uint8Array
    const bytes = isBytes ? Buffer.byteLength(secret) : 0
    if (bytes >= MIN_SECRET_BYTES) continue
    const expected = `${MIN_SECRET_BYTES} random bytes or more, such as \`openssl rand -base64 32\` prints`
    const shown = isBytes ? `${bytes} bytes` : `the type ${typeof secret}`
    throw badArgument(`encryption.secrets[${i}]`, expected, secret, shown)
  }
}

function checkTogether({ prefix, indexBy, maxSessions }: ResolvedOptions): void {
  if (indexBy !== undefined && prefix === '') {
    // Else the keys of the index would be taken for sessions.
    throw badArgument('prefix', 'a string that is not empty, with indexBy', prefix)
  }
  if (indexBy === undefined && maxSessions !== undefined) {
    throw badArgument('indexBy', 'a function, with maxSessions', indexBy)
  }
}

/** What users of other stores and of clients try, and what to say here instead. */
const HINTS: Record<string, string> = {
  url: 'make a client with it, and give that as client',
  host: 'make a client with it, and give that as client',
  port: 'make a client with it, and give that as client',
  socket: 'make a client with it, and give that as client',
  db: 'make a client with it, and give that as client',
  pass: 'make a client with it, and give that as client',
  logErrors: "listen to the 'error' events of the client",
  unref: 'end the client yourself',
  disableTtl: 'write disableTTL',
  keyPrefix: 'write prefix',
  maxAge: 'write ttl, in seconds',
  crypto: 'write encryption: { secrets: [secret] }',
  secret: 'write encryption: { secrets: [secret] }',
  secrets: 'write encryption: { secrets }',
}

function checkName(name: string): void {
  if (name === 'client' || Object.hasOwn(RULES, name)) return
  const hint = Object.hasOwn(HINTS, name) && HINTS[name]
  throw noSuchOption(`options.${name}`, `client, ${Object.keys(RULES).join(', ')}`, hint)
}

function noSuchOption(name: string, names: string, hint: string | false = false): TypeError {
  const error = new TypeError(
    `${name}: there is no such option; ${hint || `the options are ${names}`}`,
  )
  return Object.assign(error, { code: 'ERR_INVALID_ARG_VALUE' })
}

function checkClient(client: unknown): void {
  const { send, sendCommand, callBuffer } = Object(client)
  if (isFunction(callBuffer)) throw bareClient('an ioredis', 'fromIoredis')
  if (isFunction(sendCommand)) throw bareClient('a node-redis', 'fromNodeRedis')
  if (!isFunction(send)) throw badArgument('client', 'an object with a send method', client)
}

function bareClient(kind: string, wrapper: string): TypeError {
  return new TypeError(
    `client: expected ${wrapper}(client), got ${kind} client without the wrapper`,
  )
}

function isWellFormed(value: unknown): boolean {
  return typeof value === 'string' && (value as string & { isWellFormed(): boolean }).isWellFormed()
}

function isTtl(value: unknown): boolean {
  return isFunction(value) || (isPositive(value) && isDateFromNow(value as number))
}

function isBoolean(value: unknown): boolean {
  return typeof value === 'boolean'
}

function isFunction(value: unknown): boolean {
  return typeof value === 'function'
}

function isPositive(value: unknown): boolean {
  return typeof value === 'number' && value > 0 && Number.isFinite(value)
}

function isPositiveInteger(value: unknown): boolean {
  return Number.isInteger(value) && isPositive(value)
}

function isSerializer(value: unknown): boolean {
  const { parse, stringify } = Object(value)
  return isFunction(parse) && isFunction(stringify)
}

function isMaxSessions(value: unknown): boolean {
  const { limit, whenFull = 'evict' } = Object(value)
  return isPositiveInteger(limit) && ['evict', 'reject'].includes(whenFull)
}

function isEncryption(value: unknown): boolean {
  const { secrets } = Object(value)
  return Array.isArray(secrets) && secrets.length > 0
}

function isCompression(value: unknown): boolean {
  if (!isObject(value)) return false
  const { algorithm = 'brotli', minSize = 0, ...others } = value as Compression
  const isKnown = algorithm === 'brotli' || (algorithm === 'zstd' && isAvailable('zstd'))
  const isSize = minSize === 0 || isPositive(minSize)
  return isKnown && isSize && Object.keys(others).length === 0
}

function isOnConflict(value: unknown): boolean {
  return isFunction(value) || ['merge', 'overwrite', 'reject'].includes(value as string)
}
