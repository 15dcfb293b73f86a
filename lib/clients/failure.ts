import { ClientError } from '../redis/client.ts'

/** What a client says of a command that it did not carry out, a code for it, and better words. */
export type Failures = readonly (readonly [said: RegExp, code: string, reason?: string])[]

/** As much as is asked of an error, which may be of another realm, or none. */
type Origin = Record<string, unknown>

/** Where clients and Node.js keep the errors that an error comes from. */
const ORIGINS = ['cause', 'errors', 'originalError', 'socketError', 'lastNodeError']
/** Where ioredis keeps the command with its arguments, and what it was reading: ids and payloads. */
const SECRETS = ['command', 'buffer']

/**
 * Gives an error reply of Redis as it is, and throws a `ClientError` for anything else that a client
 * fails with. No way leads from either to a session id or a payload.
 */
export function errorReply(error: unknown, failures: Failures): Error {
  const origins = originsOf(error)
  for (const origin of origins) for (const secret of SECRETS) delete origin[secret]
  const message = origins.map((origin) => origin.message).find(Boolean) ?? ''
  if (/^[A-Z]+ /.test(String(message))) {
    return error instanceof Error ? error : new Error(String(message), { cause: error })
  }
  throw failure(error, String(message), origins, failures)
}

function failure(error: unknown, message: string, origins: Origin[], failures: Failures) {
  const code = origins.map((origin) => origin.code).find((code) => typeof code === 'string')
  if (code !== undefined) return new ClientError(code, message || code, error)
  for (const origin of origins) {
    const known = failures.find(([said]) => said.test(String(origin.message)))
    if (known) return new ClientError(known[1], known[2] ?? message, error)
  }
  return new ClientError('EIO', message || String(error), error)
}

/** An error, and all that it comes from, as far as it says. */
function originsOf(error: unknown): Origin[] {
  const origins = new Set<Origin>([Object(error)])
  for (const origin of origins) {
    for (const link of ORIGINS) {
      for (const next of [origin[link]].flat())
        if (Object(next) === next) origins.add(next as Origin)
    }
  }
  return [...origins]
}
