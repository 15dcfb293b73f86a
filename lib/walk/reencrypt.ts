import { promiseOf } from '../callback.ts'
import { InvalidSessionError, RedisError } from '../errors.ts'
import type { Reply } from '../redis/client.ts'
import { compareAndSet, KEEP } from '../redis/commands.ts'
import { WRITTEN } from '../redis/redis.ts'
import type { Outcome } from '../redis/replies.ts'
import { type Codec, payloadOf } from '../session/payload.ts'
import { ForeignPayloadError } from '../session/sealing.ts'
import { unlessAborted, type WalkOptions } from './options.ts'
import type { Scope } from './scan.ts'
import { sessionPages } from './walk.ts'

/** So many sessions are written at once. */
const AT_ONCE = 100

/** Is told of what cannot be decrypted, and left as it is. */
type Invalid = (sid: string, error: InvalidSessionError) => void

/**
 * Encrypts each session by the current secret that is not, and leaves it what it says and how long it
 * lives. Gives how many it has encrypted.
 */
export async function reencryptSessions(
  scope: Scope,
  codec: Codec,
  onInvalid: Invalid,
  options: WalkOptions,
): Promise<number> {
  const load = (sid: string, payload: Outcome) => staleOf(codec, onInvalid, sid, payload)
  let count = 0
  for await (const page of sessionPages(scope, load, options)) {
    for (let start = 0; start < page.length; start += AT_ONCE) {
      const some = page.slice(start, start + AT_ONCE)
      const write = () =>
        Promise.all(some.map((stale) => reencrypt(scope, codec, onInvalid, stale)))
      const written = await unlessAborted(options.signal, () => scope.calls.stepOf('SET', write))
      count += written.filter(Boolean).length
    }
  }
  return count
}

/** A session that is not encrypted by the current secret. */
interface Stale {
  readonly sid: string
  readonly payload: string
  readonly encrypted: string
}

function staleOf(codec: Codec, onInvalid: Invalid, sid: string, outcome: Outcome): Stale | null {
  if (outcome instanceof RedisError && outcome.code !== 'WRONGTYPE') throw outcome
  if (outcome === null || outcome instanceof RedisError) return null
  const payload = payloadOf(outcome)
  try {
    const encrypted = codec.reseal(sid, payload)
    return encrypted === undefined ? null : { sid, payload, encrypted }
  } catch (error) {
    const badData = error instanceof ForeignPayloadError ? error.badData : error
    if (!(badData instanceof InvalidSessionError)) throw error
    onInvalid(sid, badData)
    return null
  }
}

async function reencrypt(
  scope: Scope,
  codec: Codec,
  onInvalid: Invalid,
  stale: Stale,
): Promise<boolean> {
  const { sid, payload, encrypted } = stale
  const args = compareAndSet([payload], encrypted, KEEP)
  const reply = await promiseOf<Reply>((done) =>
    scope.redis.compareAndSet(scope.prefix + sid, args, done),
  )
  if (reply === WRITTEN || reply === null) return reply === WRITTEN
  // What is no UTF-8 is no session, and cannot be compared.
  if (payloadOf(reply) === payload) return false
  const now = staleOf(codec, onInvalid, sid, reply)
  return now !== null && reencrypt(scope, codec, onInvalid, now)
}
