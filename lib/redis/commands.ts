import { createHash } from 'node:crypto'
import type { Command } from './client.ts'

// In all of these, `ttlMs` is the milliseconds that a session is to live; `Infinity`: for ever.

/** Leaves a key the life that it has. */
export const KEEP = 'keep'
export type Keep = typeof KEEP

/** A Lua script, with the digest by which Redis knows it. */
export class Script {
  /** The command that it is, under conditions. */
  readonly name: string
  readonly source: string
  readonly sha1: string

  constructor(name: string, source: string) {
    this.name = name
    this.source = source
    this.sha1 = createHash('sha1').update(source).digest('hex')
  }
}

/** Gives the payload of a session and its remaining milliseconds, each as in Redis. */
export function get(key: string | Buffer): Command[] {
  return [
    ['GET', key],
    ['PTTL', key],
  ]
}

/** Gives the same two in one command, where each command has its price. */
export const GET = new Script(
  'GET',
  `return {redis.call('GET', KEYS[1]), redis.call('PTTL', KEYS[1])}`,
)

/**
 * Gives ARGV[1] with the payload and the remaining milliseconds of a session: by it, the reply shows
 * itself to be that to this very command.
 */
export const CHECK = new Script(
  'GET',
  `return {ARGV[1], redis.call('GET', KEYS[1]), redis.call('PTTL', KEYS[1])}`,
)

/** Writes a session if there is one, whatever it is. Gives null if there is none. */
export function replace(key: string, payload: string, ttlMs: number | Keep): Command {
  const command = ['SET', key, payload, 'XX']
  if (ttlMs === KEEP) return [...command, 'KEEPTTL']
  return ttlMs === Infinity ? command : [...command, 'PX', String(ttlMs)]
}

/** What COMPARE_AND_SET gives when it has written. */
export const WRITTEN = 1

/**
 * SETs KEYS[1] to ARGV[1] if it holds one of ARGV[3] and so on. One that holds ARGV[1] already was
 * written by this very command, which a client may send twice. ARGV[2] is the milliseconds to live,
 * 'keep', or 'Infinity'. Gives WRITTEN, or what the key holds instead: nil where it holds nothing.
 */
export const COMPARE_AND_SET = new Script(
  'SET',
  `
local held = redis.call('GET', KEYS[1])
local same = held == ARGV[1]
for i = 3, #ARGV do same = same or held == ARGV[i] end
if not same then return held end
if ARGV[2] == '${KEEP}' then
  redis.call('SET', KEYS[1], ARGV[1], 'KEEPTTL')
elseif ARGV[2] == '${Infinity}' then
  redis.call('SET', KEYS[1], ARGV[1])
else
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
end
return ${WRITTEN}`,
)

/** The arguments of COMPARE_AND_SET. */
export function compareAndSet(
  expected: readonly string[],
  payload: string,
  ttlMs: number | Keep,
): Command {
  return [payload, String(ttlMs), ...expected]
}

/**
 * The scripts below do not compare, and may arrive late: after their caller was told that they failed,
 * and has done something else. So ARGV[1] is a deadline, in milliseconds by the clock of Redis. They
 * give the time by that clock, negative if the deadline is over, with nothing done then.
 *
 * Before Redis 7, a script that has asked for the time may write only if its effects are replicated.
 */
const IN_TIME = `
redis.replicate_commands()
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if now > tonumber(ARGV[1]) then return -now end
`

/**
 * SETs KEYS[1] to ARGV[2], to live ARGV[3] milliseconds, or 'Infinity': whatever there was, or, with
 * an ARGV[4], only where there was nothing, or one of ARGV[5] and so on; else it gives what there is.
 */
export const SET = new Script(
  'SET',
  `${IN_TIME}
if ARGV[4] then
  local held = redis.call('GET', KEYS[1])
  local same = not held or held == ARGV[2]
  for i = 5, #ARGV do same = same or held == ARGV[i] end
  if not same then return held end
end
if ARGV[3] == '${Infinity}' then
  redis.call('SET', KEYS[1], ARGV[2])
else
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
end
return now`,
)

/**
 * PEXPIREs KEYS[1] in ARGV[2] milliseconds, unless it has more than ARGV[3] left, which is more than
 * the caller knows of: another has lengthened its life since. Gives 0 if there is no session.
 */
export const TOUCH = new Script(
  'PEXPIRE',
  `${IN_TIME}
local left = redis.call('PTTL', KEYS[1])
if left == -2 then return 0 end
if left <= tonumber(ARGV[3]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return now`,
)

/** UNLINKs KEYS[1]. */
export const DESTROY = new Script(
  'UNLINK',
  `${IN_TIME}
redis.call('UNLINK', KEYS[1])
return now`,
)
