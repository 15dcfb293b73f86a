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

/**
 * A script as the command that it is under conditions, e.g. `['PEXPIRE', key, ttlMs]`, or `['GET', ...keys]`;
 * else as it is.
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

/** Whether a command asks for the payload and the life of one session, by a script. */
export function asksForOne(command: string[]): boolean {
  return scriptOf(command, [GET]) !== undefined
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
