import { DESTROY, SET, TOUCH } from '../../lib/redis/commands.ts'

/** A script as the command that it is under conditions, e.g. `['PEXPIRE', key, ttlMs]`; else as it is. */
export function asCommand(command: string[]): string[] {
  const [name, sha1, , key = '', ...args] = command
  if (name !== 'EVALSHA') return command
  if (sha1 === SET.sha1) {
    const [, payload = '', ttlMs = ''] = args
    return ['SET', key, payload, ...(ttlMs === 'Infinity' ? [] : ['PX', ttlMs])]
  }
  if (sha1 === TOUCH.sha1) return ['PEXPIRE', key, args[1] as string]
  return sha1 === DESTROY.sha1 ? ['UNLINK', key] : command
}
