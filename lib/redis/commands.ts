import { createHash } from 'node:crypto'
import type { Command } from './client.ts'

// In all of these, `ttlMs` is the milliseconds that a session is to live; `Infinity`: for ever.

/** A key as Redis has it; it may be no UTF-8. */
export type Key = string | Buffer

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

/** Where the key of a command is; -1 where it has none. */
export function keyIndexOf(command: Command): number {
  switch (command[0]) {
    case 'EVALSHA':
    case 'EVAL':
      return 3
    case 'SCAN':
    case 'SCRIPT':
    case 'PING':
    case 'ECHO':
    case 'INFO':
      return -1
    default:
      return 1
  }
}

export function keyOf(command: Command): Command[number] | undefined {
  return command[keyIndexOf(command)]
}

/** Gives what it is given: by the server that has a key, if one is named. */
export function echo(text: string, key: Command[number] | undefined): Command {
  return key === undefined ? ['ECHO', text] : ['EVAL', 'return ARGV[1]', '1', key, text]
}

/** Gives the payload of a session and its remaining milliseconds, each as in Redis. */
export function get(key: Key): Command[] {
  return [
    ['GET', key],
    ['PTTL', key],
  ]
}

/**
 * Gives ARGV[1] and the same two, in one command: by it, the reply shows itself to be that to this very
 * command.
 */
export const GET = new Script(
  'GET',
  `return {ARGV[1], redis.call('GET', KEYS[1]), redis.call('PTTL', KEYS[1])}`,
)

/**
 * Gives the same two of each of KEYS, one after the other; in place of a payload that Redis refuses, an
 * array with what it says.
 */
export const GET_MANY = new Script(
  'GET',
  `
local replies = {ARGV[1]}
for i, key in ipairs(KEYS) do
  local payload = redis.pcall('GET', key)
  if type(payload) == 'table' then payload = {payload.err} end
  replies[2 * i] = payload
  replies[2 * i + 1] = redis.call('PTTL', key)
end
return replies`,
)

/**
 * So many nonces there are. In the number with which a script that writes answers, that of the call
 * comes back, so that the reply to another is not taken for its own. Times them, a time in milliseconds
 * is still a safe integer.
 */
export const NONCES = 1024

/** SETs KEYS[1] to live so many milliseconds, by what Lua finds in the arguments. */
function setTo(payload: string, ttlMs: string): string {
  return `
if ${ttlMs} == '${KEEP}' then
  redis.call('SET', KEYS[1], ${payload}, 'KEEPTTL')
elseif ${ttlMs} == '${Infinity}' then
  redis.call('SET', KEYS[1], ${payload})
else
  redis.call('SET', KEYS[1], ${payload}, 'PX', ${ttlMs})
end`
}

/**
 * SETs KEYS[1] to ARGV[2] if it holds one of ARGV[4] and so on. One that holds ARGV[2] already was
 * written by this very command, which a client may send twice. ARGV[3] is the milliseconds to live,
 * 'keep', or 'Infinity'. Gives the nonce ARGV[1], or what the key holds instead: -ARGV[1] where it
 * holds nothing.
 */
export const COMPARE_AND_SET = new Script(
  'SET',
  `
local held = redis.call('GET', KEYS[1])
if not held then return -ARGV[1] end
local same = held == ARGV[2]
for i = 4, #ARGV do same = same or held == ARGV[i] end
if not same then return held end
${setTo('ARGV[2]', 'ARGV[3]')}
return tonumber(ARGV[1])`,
)

/** The arguments of COMPARE_AND_SET after the nonce. */
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
 * give the time by that clock, 0 where there is no session, and the time below zero if the deadline is
 * over, with nothing done then, unless it is done: a client may send a script twice. The nonce ARGV[2] is added to that times NONCES.
 *
 * Before Redis 7, a script that has asked for the time may write only if its effects are replicated.
 */
const IN_TIME = `
redis.replicate_commands()
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function told(what) return what * ${NONCES} + ARGV[2] end
local late = now > tonumber(ARGV[1])
`

export const UNLESS_LATE = `${IN_TIME}
if late then return told(-now) end`

/** What the scripts below have answered. */
export function toldBy(reply: number): { time: number; nonce: number } {
  const time = Math.floor(reply / NONCES)
  return { time, nonce: reply - time * NONCES }
}

/**
 * What SET asks for before it writes: whatever there is; that there is nothing, or one of the payloads
 * given; that there is one of them; that there is a session, whatever it is.
 */
export type Asked = 'any' | 'new' | 'held' | 'there'

/**
 * SETs KEYS[1] to ARGV[3], to live ARGV[4] milliseconds, 'keep' or 'Infinity', if what ARGV[5] asks for
 * is so, with the payloads ARGV[6] and so on. One that holds ARGV[3] already has been written. Gives
 * what there is instead, if it is not so.
 */
export const SET = new Script(
  'SET',
  `${IN_TIME}
if late and (ARGV[1] == '0' or redis.pcall('GET', KEYS[1]) ~= ARGV[3]) then return told(-now) end
if late then return told(now) end
if ARGV[5] == 'there' then
  if redis.call('EXISTS', KEYS[1]) == 0 then return told(0) end
elseif ARGV[5] ~= 'any' then
  local held = redis.call('GET', KEYS[1])
  if not held and ARGV[5] == 'held' then return told(0) end
  local same = not held or held == ARGV[3]
  for i = 6, #ARGV do same = same or held == ARGV[i] end
  if not same then return held end
end
${setTo('ARGV[3]', 'ARGV[4]')}
return told(now)`,
)

/** The arguments of SET after the nonce. */
export function set(
  payload: string,
  ttlMs: number | Keep,
  asked: Asked,
  expected: readonly string[] = [],
): Command {
  return [payload, String(ttlMs), asked, ...expected]
}

/** How exact it is known what is left of a life. */
const ACCURACY_MS = 1000

/**
 * PEXPIREs KEYS[1] in ARGV[3] milliseconds, unless it has more than ARGV[4] left, which is more than
 * the caller knows of: another has lengthened its life since. With an ARGV[5], unless what is left is
 * not about that: another has moved its life, either way.
 */
export const TOUCH = new Script(
  'PEXPIRE',
  `${UNLESS_LATE}
local left = redis.call('PTTL', KEYS[1])
if left == -2 then return told(0) end
if ARGV[5] and math.abs(left - ARGV[5]) > ${ACCURACY_MS} then return told(now) end
if left <= tonumber(ARGV[4]) then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
return told(now)`,
)

/** UNLINKs KEYS[1]. */
export const DESTROY = new Script(
  'UNLINK',
  `${IN_TIME}
if late and redis.call('EXISTS', KEYS[1]) == 1 then return told(-now) end
redis.call('UNLINK', KEYS[1])
return told(now)`,
)

/** UNLINKs KEYS[1] if it holds ARGV[2]. Gives the nonce ARGV[1], or what COMPARE_AND_SET does. */
export const COMPARE_AND_DESTROY = new Script(
  'UNLINK',
  `
local held = redis.call('GET', KEYS[1])
if not held then return -ARGV[1] end
if held ~= ARGV[2] then return held end
redis.call('UNLINK', KEYS[1])
return tonumber(ARGV[1])`,
)
