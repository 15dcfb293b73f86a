import type { Command, SolidisLike } from '../../lib/index.ts'

/** As servers answer that do not know an option of a command. */
export const NO_SUCH_OPTION = new Error('ERR syntax error')

/** Whether a command compares and sets by itself, without a script. */
export function isNative(command: Command | undefined): boolean {
  return command?.[0] === 'SET' && command[3] === 'IFEQ'
}

/** `SET key payload IFEQ expected GET …`, as Redis 8.4 and Valkey 8.1 carry it out. */
const TWIN = `
local held = redis.call('GET', KEYS[1])
if held == ARGV[2] then redis.call('SET', KEYS[1], ARGV[1], unpack(ARGV, 3)) end
return held`

/** A client of a server that has a compare and set of its own, whether the server at hand has it or not. */
export function withNative(client: SolidisLike): SolidisLike {
  return like(client, (commands) => client.send(commands.map(twinOf)))
}

function twinOf(command: Command): Command {
  if (!isNative(command)) return command
  const [, key, payload, , expected, , ...life] = command
  return ['EVAL', TWIN, '1', key, payload, expected, ...life] as Command
}

/** A client of a server that has none. */
export function withoutNative(client: SolidisLike): SolidisLike {
  return like(client, async (commands) => {
    const others = scripted(commands)
    const replies = others.length === 0 ? [] : await client.send(others)
    return commands.map((command) => replies[others.indexOf(command)] ?? [NO_SUCH_OPTION])
  })
}

/** All commands but those by which the store learns what the server has, or has not. */
export function scripted<C extends Command>(commands: C[]): C[] {
  const isProof = (i: number) => commands[i]?.[0] === 'ECHO' && isNative(commands[i - 1])
  return commands.filter((command, i) => !isNative(command) && !isProof(i))
}

function like(client: SolidisLike, send: SolidisLike['send']): SolidisLike {
  return {
    get pipelines() {
      return client.pipelines !== false
    },
    send,
  }
}
