import type { Payload } from '../session/payload.ts'
import type { Answered } from './call.ts'
import type { Command } from './client.ts'
import { type Redis, Script } from './redis.ts'

// In all of these, `life` is the milliseconds that the session is to live; `Infinity`: for ever.

/** Writes a session, whatever there was. */
export function set(key: string, payload: Payload, life: number): Command {
  return ['SET', key, payload, ...expiry(life)]
}

/** Writes a session if there is one. Gives null if there is none. */
export function setIfPresent(key: string, payload: Payload, life: number): Command {
  return ['SET', key, payload, ...expiry(life), 'XX']
}

/** Lets a session live on, if there is one. Gives 0 if there is none. */
export function extend(key: string, life: number): Command {
  return ['PEXPIRE', key, String(life)]
}

/** What `compareAndSet` gives when it has written. */
export const WRITTEN = 1

/**
 * SETs KEYS[1] to ARGV[2], for ARGV[3] milliseconds if given, if it holds ARGV[1]. Gives 1, or what
 * the key holds instead, which is nil where it holds nothing.
 */
const COMPARE_AND_SET = new Script(`
local held = redis.call('GET', KEYS[1])
if held ~= ARGV[1] then return held end
if ARGV[3] then
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
else
  redis.call('SET', KEYS[1], ARGV[2])
end
return ${WRITTEN}`)

/**
 * Writes a session if Redis still holds the expected payload, in one round trip. The one outcome is
 * `WRITTEN`, or what Redis holds instead: `null` if the session is gone.
 *
 * This is the one place where a version could choose a command that its server has of its own:
 * `SET … IFDEQ` (Redis 8.4) or `SET … IFEQ` (Valkey 8.1).
 */
export function compareAndSet(
  redis: Redis,
  key: string,
  expected: Payload,
  payload: Payload,
  life: number,
  done: Answered,
): void {
  const args = life === Infinity ? [expected, payload] : [expected, payload, String(life)]
  redis.eval(COMPARE_AND_SET, key, args, done)
}

function expiry(life: number): string[] {
  return life === Infinity ? [] : ['PX', String(life)]
}
