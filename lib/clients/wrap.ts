import { isUtf8 } from 'node:buffer'
import { badArgument } from '../errors.ts'
import type { Command, SolidisLike } from '../redis/client.ts'
import { escapeGlob } from '../redis/glob.ts'

/** A client that takes one command at a time. */
export interface Wrapped {
  /** Sends a command, to be answered with text and numbers. */
  text(command: Command): Promise<unknown>
  /** Sends a command, to be answered with Buffers and numbers. */
  bytes(command: Command): Promise<unknown>
  /** What the client puts before each key, which neither SCAN's pattern nor its reply tells. */
  readonly keyPrefix: string
  /** Gives an error reply of Redis, and throws whatever else the client fails with. */
  errorReply(error: unknown): Error
}

/** What only some clients can do, or say. */
export interface Abilities
  extends Pick<SolidisLike, 'reconnect' | 'rediscover' | 'nodes' | 'nodeOf'> {
  /** Raised while the client lives. */
  readonly count?: { readonly connections: number }
}

/** Makes a client that takes one command at a time look like Solidis. */
export function wrap(client: Wrapped, { count, ...abilities }: Abilities = {}): SolidisLike {
  const inPlace = (error: unknown) => [client.errorReply(error)]
  const aloneInPlace = (error: unknown) => [inPlace(error)]

  function start(command: Command): Promise<unknown> {
    try {
      return command[0] === 'SCAN' ? scanWithin(client, command) : client.text(command)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** Sends one command, with one promise where the reply is what it should be. */
  function send<T>(command: Command, give: (reply: unknown) => T, fail: (error: unknown) => T) {
    return start(command).then((reply) => {
      if (!isGarbled(reply) || !REPEATABLE.has(command[0])) return give(reply)
      return client.bytes(command).then(give, fail)
    }, fail)
  }

  return {
    pipelines: false,
    // Nearly all calls are of one command.
    send: (commands) =>
      commands.length === 1
        ? send(commands[0] as Command, alone, aloneInPlace)
        : Promise.all(commands.map((command) => send(command, one, inPlace))),
    get connections() {
      return count?.connections
    },
    ...abilities,
  }
}

function one(reply: unknown): unknown[] {
  return [reply]
}

function alone(reply: unknown): unknown[][] {
  return [[reply]]
}

/** What may be sent twice: a script of the store's does nothing if it finds its work done. */
const REPEATABLE = new Set<unknown>(['GET', 'EVALSHA', 'EVAL'])

/**
 * Whether a reply was perhaps no text, to be read again as Buffers: to be compared with what Redis
 * holds, a payload needs its exact bytes. All others are spared Buffers, which cost a third more.
 */
function isGarbled(reply: unknown): boolean {
  return Array.isArray(reply)
    ? reply.some(isGarbled)
    : typeof reply === 'string' && reply.includes('\ufffd')
}

/** SCANs keys with the client's prefix alone, and gives them without it. */
async function scanWithin({ keyPrefix, bytes }: Wrapped, command: Command): Promise<unknown> {
  if (keyPrefix === '') return bytes(command)
  const pattern = command.indexOf('MATCH') + 1
  const within = prepend(escapeGlob(keyPrefix), command[pattern] as Command[number])
  const [cursor, keys] = (await bytes(command.with(pattern, within))) as [Buffer, Buffer[]]
  const length = Buffer.byteLength(keyPrefix)
  return [cursor, keys.map((key) => key.subarray(length))]
}

/** @throws TypeError if the `keyPrefix` of a client is no text */
export function prefixText(keyPrefix: unknown): string {
  if (typeof keyPrefix === 'string') return keyPrefix
  if (keyPrefix === undefined || keyPrefix === null) return ''
  if (Buffer.isBuffer(keyPrefix) && isUtf8(keyPrefix)) return keyPrefix.toString()
  throw badArgument('client', 'a keyPrefix that is text', keyPrefix)
}

/** Puts a prefix before a key or a pattern. */
export function prepend(prefix: string, key: Command[number]): Command[number] {
  return typeof key === 'string' ? prefix + key : Buffer.concat([Buffer.from(prefix), key])
}

/**
 * The masters of a cluster, of which one that has just been made knows none: a walk over none would
 * find no session, and clear none.
 */
export async function mastersOf<Master>(
  cluster: SolidisLike,
  known: () => readonly Master[],
): Promise<readonly Master[]> {
  if (known().length === 0) await cluster.send([['PING']])
  return known()
}
