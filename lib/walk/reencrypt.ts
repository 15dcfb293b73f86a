import { promiseOf } from '../callback.ts'
import type { Reply } from '../redis/client.ts'
import { compareAndSet, KEEP } from '../redis/commands.ts'
import { WRITTEN } from '../redis/redis.ts'
import { type Codec, type Payload, payloadOf } from '../session/payload.ts'
import { unlessAborted, type WalkOptions } from './options.ts'
import type { Scope } from './scan.ts'
import { type Load, sessionPages } from './walk.ts'

/** So many sessions are written at once. */
const AT_ONCE = 100

/** A session that is not encrypted by the current secret. */
interface Stale {
  readonly sid: string
  readonly payload: Payload
}

/**
 * Encrypts each session by the current secret that is not, and leaves it what it says and how long it
 * lives. What is no session is left as it is. Gives how many it has encrypted.
 */
export async function reencryptSessions(
  scope: Scope,
  codec: Codec,
  load: Load<unknown>,
  options: WalkOptions,
): Promise<number> {
  const loadStale: Load<Stale> = async (sid, outcome, pttl) => {
    const payload = payloadOf(outcome)
    if (codec.isCurrent(payload)) return null
    return (await load(sid, outcome, pttl)) === null ? null : { sid, payload }
  }
  const reencrypt = async ({ sid, payload }: Stale): Promise<boolean> => {
    const args = compareAndSet([payload], codec.reseal(sid, payload), KEEP)
    const reply = await promiseOf<Reply>((done) =>
      scope.redis.compareAndSet(scope.prefix + sid, args, done),
    )
    if (reply === WRITTEN || reply === null) return reply === WRITTEN
    // What is no UTF-8 cannot be compared.
    if (payloadOf(reply) === payload) return false
    const now = await loadStale(sid, reply, -1)
    return now !== null && reencrypt(now)
  }
  let count = 0
  for await (const page of sessionPages(scope, loadStale, options)) {
    for (let start = 0; start < page.length; start += AT_ONCE) {
      const write = () => Promise.all(page.slice(start, start + AT_ONCE).map(reencrypt))
      const written = await unlessAborted(options.signal, () => scope.calls.stepOf('SET', write))
      count += written.filter(Boolean).length
    }
  }
  return count
}
