import type { Payload } from './payload.ts'
import { type Redis, Script } from './redis.ts'

// In all of these, `life` is the milliseconds that the session is to live; `Infinity`: for ever.

/** Writes a session, whatever there was. */
export async function set(redis: Redis, key: string, payload: Payload, life: number) {
  await redis.call(['SET', key, payload, ...expiry(life)])
}

/** Writes a session if there is one. Resolves to whether there was. */
export async function setIfPresent(redis: Redis, key: string, payload: Payload, life: number) {
  return (await redis.call(['SET', key, payload, ...expiry(life), 'XX'])) !== null
}

/** Lets a session live on, if there is one. Resolves to whether there was. */
export async function extend(redis: Redis, key: string, life: number) {
  return (await redis.call(['PEXPIRE', key, String(life)])) === 1
}

/**
 * SETs KEYS[1] to ARGV[2], with the options from ARGV[3] on, if it holds ARGV[1]. Gives 1, or what
 * the key holds instead, which is nil where it holds nothing.
 */
const COMPARE_AND_SET = new Script(`
local held = redis.call('GET', KEYS[1])
if held ~= ARGV[1] then return held end
redis.call('SET', KEYS[1], ARGV[2], unpack(ARGV, 3))
return 1`)

/**
 * Writes a session if Redis still holds the expected payload, in one round trip. Resolves to `true`
 * if so, else to what Redis holds instead: `null` if the session is gone.
 *
 * This is the one place where a version could choose a command that its server has of its own:
 * `SET … IFDEQ` (Redis 8.4) or `SET … IFEQ` (Valkey 8.1).
 */
export async function compareAndSet(
  redis: Redis,
  key: string,
  expected: Payload,
  payload: Payload,
  life: number,
): Promise<true | Payload | null> {
  const reply = await redis.eval(COMPARE_AND_SET, key, [expected, payload, ...expiry(life)])
  return reply === 1 ? true : (reply as Payload | null)
}

function expiry(life: number): string[] {
  return life === Infinity ? [] : ['PX', String(life)]
}
