import { ClientError } from '../redis/client.ts'
import { replyCode } from '../redis/replies.ts'

/** What Solidis says without a code, and the code that others give. */
const CODES: [says: RegExp, code: string][] = [
  [/timed out|timeout/i, 'ETIMEDOUT'],
  [/no pending request/, 'EPROTO'],
  [/still loading/, 'LOADING'],
  [/client was closed|user quit|not connected$/, 'ENOTCONN'],
]

type WithCauses = Error & { code?: unknown; errors?: unknown[]; getOriginalError?(): unknown }

/** Whether Redis said it. Clients of Solidis can be set to reject with what they are answered. */
export function isErrorReply(error: unknown): boolean {
  return error instanceof Error && error.name === 'RespError'
}

/** The `commandTimeout` that a client of Solidis has rejected for, in milliseconds, if it has. */
export function timeLimitOf(error: unknown): number | undefined {
  const { message } = Object(error) as Partial<Error>
  const milliseconds = /^Command\(s\) timed out after (\d+) ms/.exec(String(message))?.[1]
  return milliseconds === undefined ? undefined : Number(milliseconds)
}

/**
 * Says why a client of Solidis could not deliver, in the words of the first of all the errors within
 * the error that has a code; `ECONNRESET` if none has.
 */
export function clientError(error: unknown): ClientError {
  if (error instanceof ClientError) return error
  const errors = [...errorsWithin(error)]
  const failedCommand = errors.find(({ name }) => name === 'SolidisCommandError')
  if (failedCommand !== undefined) return initialisationError(failedCommand.message)
  for (const each of errors) {
    const code = codeWithin(each)
    if (code !== undefined) return new ClientError(code, plain(each.message), error)
  }
  const reason = error instanceof Error ? error.message : String(error)
  return new ClientError('ECONNRESET', plain(reason), error)
}

/** The error, and after it those that led to it: Solidis wraps each several times. */
function errorsWithin(error: unknown, found = new Set<WithCauses>()): Set<WithCauses> {
  if (!(error instanceof Error) || found.has(error)) return found
  found.add(error)
  const { cause, errors = [], getOriginalError } = error as WithCauses
  for (const each of [getOriginalError?.call(error), cause, ...errors]) errorsWithin(each, found)
  return found
}

/**
 * Has no cause: the message, which is also in the stack of the errors around it, holds a command and
 * its reply, and with them a password, or what somebody else was to be answered.
 */
function initialisationError(message: string): ClientError {
  const reply = / reply: RespError: (.*)/s.exec(message)?.[1] ?? ''
  const code = replyCode(reply)
  return code === undefined
    ? new ClientError('ECONNRESET', 'the connection could not be initialised')
    : new ClientError(code, plain(reply))
}

function codeWithin(error: WithCauses): string | undefined {
  if (typeof error.code === 'string') return error.code
  if (isErrorReply(error)) return replyCode(error.message)
  return CODES.find(([says]) => says.test(error.message))?.[1]
}

/** Solidis puts the names of its classes first. Redis repeats the arguments that it does not know. */
function plain(message: string): string {
  return message.replace(/^(\w*Error: )+|,? with args beginning with: .*/gs, '')
}
