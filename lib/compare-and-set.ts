import type { Payload } from './payload.ts'
import { type Redis, Script } from './redis.ts'

/**
 * SETs KEYS[1] to ARGV[2], with the options from ARGV[3] on, if it holds ARGV[1]. Gives 1, or what
 * the key holds instead, which is nil where it holds nothing.
 */
const SCRIPT = new Script(`
local held = redis.call('GET', KEYS[1])
if held ~= ARGV[1] then return held end
redis.call('SET', KEYS[1], ARGV[2], unpack(ARGV, 3))
return 1`)

/**
 * Replaces a payload if Redis still holds the expected one, in one round trip. Resolves to `true` if
 * so, else to what Redis holds instead: `null` if the session is gone.
 *
 * This is the one place where a version could choose a command that its server has of its own:
 * `SET … IFDEQ` (Redis 8.4) or `SET … IFEQ` (Valkey 8.1).
 * @param options options of SET, e.g. `['PX', '60000']`
 */
export async function compareAndSet(
  redis: Redis,
  key: string,
  expected: Payload,
  payload: Payload,
  options: string[],
): Promise<true | Payload | null> {
  const reply = await redis.eval(SCRIPT, key, [expected, payload, ...options])
  return reply === 1 ? true : (reply as Payload | null)
}
