import { RedisError } from '../errors.ts'
import { ClientError, type Command, type Reply } from './client.ts'

/** What a user of Redis has to be allowed for the sake of the scripts. */
const SCRIPT_RIGHTS =
  'get, set, exists, pttl, pexpire, unlink, time; with indexBy also zadd, zrem, zscore, zcount, ' +
  'zrangebyscore, zrevrange, zremrangebyscore, pexpireat'

/** With these, nothing was sent. */
const UNSENT = new Set<string | undefined>(['EBREAKER', 'EOVERLOAD', 'ENOTCONN'])

/** What became of a command. */
export type Outcome = Reply | RedisError

/** Turns an error in the place of a reply into a `RedisError`, and leaves replies as they are. */
export function outcomeOf(command: string, [reply]: unknown[] = []): Outcome {
  if (reply instanceof Error) return undelivered(command, reply)
  return typeof reply === 'bigint' ? Number(reply) : (reply as Reply)
}

export function nameOf(command: Command | undefined): string {
  return String(command?.[0])
}

/** Redis refused a command. Its own error says no more than this one, but may repeat arguments. */
function refused(command: string, error: Error): RedisError {
  const message = withoutScript(error.message)
  if (/user executing the script can't run|ACL failure in script/.test(message)) {
    const reason = `NOPERM the user of Redis may not run what the store's scripts do: ${SCRIPT_RIGHTS}`
    return new RedisError(command, reason, { code: 'NOPERM' })
  }
  return new RedisError(command, withoutArguments(message), { code: replyCode(message) })
}

/** The client could not deliver a command, or rejects with the error reply. */
export function undelivered(command: string, error: unknown): RedisError {
  if (error instanceof RedisError) return error
  const message = error instanceof Error ? error.message : String(error)
  const fromReply = replyCode(message)
  if (fromReply !== undefined) return refused(command, new Error(message))
  const reason = message || 'the client gave no reason'
  return new RedisError(command, reason, { code: codeOf(error), cause: error })
}

/** With what a command failed that had been sent before, and may have been carried out then. */
const ofRepetitions = new WeakSet<Error>()

/** Lets an error be that of a command that was sent again, whatever the reply to the first. */
export function ofRepetition<E extends Error>(error: E): E {
  ofRepetitions.add(error)
  return error
}

/** Whether a command that failed cannot have been carried out. */
export function isUnsent(error: unknown): boolean {
  const isUnsentNow = UNSENT.has((error as Partial<RedisError> | null)?.code)
  return isUnsentNow && !ofRepetitions.has(error as Error)
}

/** Whether a client rejects with what Redis has replied. */
export function isErrorReply(error: unknown): boolean {
  const isClients = error instanceof ClientError
  return error instanceof Error && !isClients && replyCode(error.message) !== undefined
}

/** The code with which an error reply begins. */
export function replyCode(message: string): string | undefined {
  return /^[A-Z][A-Z0-9]+(?= )/.exec(message)?.[0]
}

function codeOf(error: unknown): string | undefined {
  const { code, cause } = Object(error)
  // To express-session, ENOENT says that there is no session: a missing socket would log users out.
  if (typeof code === 'string') return code === 'ENOENT' ? 'ECONNREFUSED' : code
  return cause === undefined ? undefined : codeOf(cause)
}

/** What a command in a script is refused with is wrapped before Redis 7, and lengthened since. */
function withoutScript(message: string): string {
  return message
    .replace(/^ERR Error running script \(.*?\): (@user_script: ?\d+: )+-?/, '')
    .replace(/,? script: [0-9a-f]{40}, on @user_script:\d+\.?$/, '')
}

/** Redis repeats the arguments of a command that it does not know, a session id among them. */
function withoutArguments(message: string): string {
  return message.replace(/,? with args beginning with: .*/s, '')
}
