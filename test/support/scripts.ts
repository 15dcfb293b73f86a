import type { Command } from '../../lib/index.ts'
import {
  COMPARE_AND_SET,
  DESTROY,
  GET,
  GET_MANY,
  NONCES,
  type Script,
  SET,
  TOUCH,
} from '../../lib/redis/commands.ts'

const IN_TIME = [SET, TOUCH, DESTROY]
const READS = ['ECHO', 'EXISTS', 'GET', 'PTTL', 'SCAN']

/**
 * A script as the command that it is under conditions, e.g. `['PEXPIRE', key, ttlMs]`, or `['GET', ...keys]`,
 * which gives the lives as well; else as it is.
 */
export function asCommand(command: string[]): string[] {
  const [, , , key = '', , , first = '', second = ''] = command
  switch (scriptOf(command, [GET, GET_MANY, SET, TOUCH, DESTROY])) {
    case GET:
      return ['GET', key]
    case GET_MANY:
      return ['GET', ...command.slice(3, -1)]
    case SET:
      return ['SET', key, first, ...(second === 'Infinity' ? [] : ['PX', second])]
    case TOUCH:
      return ['PEXPIRE', key, first]
    case DESTROY:
      return ['UNLINK', key]
    default:
      return command
  }
}

/** Whether a command asks for the payloads and lives of several sessions. */
export function asksForMany(command: string[]): boolean {
  return scriptOf(command, [GET_MANY]) !== undefined
}

/** Whether a command changes nothing, of itself or by a script. */
export function isRead(command: Command): boolean {
  const asked = command.map(String)
  return READS.includes(String(asked[0])) || scriptOf(asked, [GET, GET_MANY]) !== undefined
}

/**
 * Answers the script that reads one session as Redis does, from the replies to GET and PTTL: if one is an
 * error, that is the reply. To another command replies what does to the command that it is.
 */
export function answerTo(command: string[], reply: (command: string[]) => unknown): unknown {
  if (scriptOf(command, [GET]) === undefined) return reply(asCommand(command))
  const replies = ['GET', 'PTTL'].map((name) => reply([name, command[3] as string]) ?? null)
  return replies.find((each) => each instanceof Error) ?? [command.at(-1), ...replies]
}

/**
 * What a script that writes answers where it is to have answered 1, having written, or 0, having found
 * no session, as a number or a bigint; anything else as it is, and so for other commands.
 */
export function acknowledged(command: string[], told: unknown): unknown {
  if (typeof told !== 'number' && typeof told !== 'bigint') return told
  const [, , , , first, second] = command
  let reply: number | undefined
  if (scriptOf(command, [COMPARE_AND_SET])) reply = Number(first) * (Number(told) === 0 ? -1 : 1)
  if (scriptOf(command, IN_TIME)) reply = Number(told) * Date.now() * NONCES + Number(second)
  if (reply === undefined) return told
  return typeof told === 'bigint' ? BigInt(reply) : reply
}

/** Which script it is that a command runs by its digest or source. */
function scriptOf([name, which]: string[], scripts: Script[]): Script | undefined {
  if (name !== 'EVALSHA' && name !== 'EVAL') return undefined
  return scripts.find(({ sha1, source }) => which === sha1 || which === source)
}
