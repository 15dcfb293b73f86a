import { badArgument } from '../errors.ts'

type Given = Record<string, unknown>

const EXPECTED = {
  'node-redis': 'a client, pool, cluster or sentinel of node-redis 5 or later',
  ioredis: 'a client or cluster of ioredis 5 or later',
}

/** What may be given for a client by mistake, how it is known, and what to write instead. */
const MISTAKES: readonly [got: string, instead: string, is: (client: Given) => boolean][] = [
  ['a promise', 'write await before it', (client) => has(client, 'then')],
  [
    'a client of node-redis 3',
    'install redis 5 or later',
    (client) => has(client, 'internal_send_command'),
  ],
  [
    'a client in legacyMode',
    'leave legacyMode out',
    (client) => Object(client.options).legacyMode === true,
  ],
  [
    'the legacy() of a client',
    'give the client itself',
    (client) => has(client, 'SET') && !has(client, 'connect') && !has(client, 'withTypeMapping'),
  ],
  [
    'a client that needs no wrapper, such as one of Solidis',
    'write new SolidisStore({ client })',
    (client) => has(client, 'send') && !has(client, 'sendCommand'),
  ],
]

/** @throws TypeError that says what to write instead, if it is no client of this library */
export function checkGiven(given: unknown, library: keyof typeof EXPECTED): void {
  const client: Given = Object(given)
  for (const [got, instead, is] of MISTAKES) if (is(client)) throw mistake(library, got, instead)
  const isIoredis = has(client, 'callBuffer')
  if (!isIoredis && !has(client, 'sendCommand'))
    throw badArgument('client', EXPECTED[library], given)
  if (isIoredis === (library === 'ioredis')) return
  throw isIoredis
    ? mistake(library, 'one of ioredis', 'write fromIoredis(client)')
    : mistake(library, 'one of node-redis', 'write fromNodeRedis(client)')
}

function mistake(library: keyof typeof EXPECTED, got: string, instead: string): TypeError {
  return new TypeError(`client: expected ${EXPECTED[library]}, got ${got}: ${instead}`)
}

function has(client: Given, method: string): boolean {
  return typeof client[method] === 'function'
}
