import { expect } from 'chai'
import type { Command } from '../../lib/redis/client.ts'
import {
  COMPARE_AND_SET,
  compareAndSet,
  DESTROY,
  GET_MANY,
  KEEP,
  type Script,
  SET,
  set,
  TOUCH,
  toldBy,
} from '../../lib/redis/commands.ts'
import { mainKind, type TestClient } from '../support/clients.ts'
import { freshPrefix } from '../support/redis.ts'
import { Random } from './random.ts'
import { RedisModel } from './redis-model.ts'

const SEED = Number(process.env.SEED ?? Date.now() % 2 ** 31)
const COMMANDS = 6000
/** How far the two may be apart in time. */
const TOLERANCE_MS = 400

describe('the model of Redis', () => {
  let test: TestClient
  before(async () => {
    test = await mainKind.connect()
  })
  after(() => test.close())

  it(`replies as a real one does (${COMMANDS} commands, seed ${SEED})`, async function () {
    this.timeout(60_000)
    const random = new Random(SEED)
    const prefix = freshPrefix()
    const ask = async (command: Command) => {
      const [reply] = await test.client.send([command])
      return reply?.[0]
    }
    const refusal = plain(await ask(['SET', prefix, 'a', 'IFEQ', 'b']))
    const model = new RedisModel(Date.now, refusal === null)
    // Another server has its own scripts: both are to know none.
    await ask(['SCRIPT', 'FLUSH'])
    for (let i = 0; i < COMMANDS; i++) {
      const command = makeCommand(random, prefix)
      const real = plain(await ask(command))
      const modelled = plain(model.execute(command))
      if (!isAlike(command, real, modelled)) {
        expect(modelled, `${command.join(' ')} (the ${i + 1}th)`).to.deep.equal(real)
      }
    }
  })
})

/** Few keys and few values, so that much of it meets. */
function makeCommand(random: Random, prefix: string): Command {
  const key = prefix + random.pick(['one', 'two', '*', '[a]'])
  const text = () => random.pick(['', 'a', 'b', 'c'])
  const ttl = () => random.pick(['100000', '200000', '300000'])
  const life = () => random.pick(['Infinity', ttl(), ttl()])
  const deadline = () => String(Date.now() + random.pick([-100_000, 100_000, 100_000]))
  const run = (script: Script, ...args: Command): Command =>
    random.chance(0.2)
      ? ['EVAL', script.source, '1', key, ...args]
      : ['EVALSHA', script.sha1, '1', key, ...args]
  const expected = () => Array.from({ length: 1 + random.int(2) }, text)
  const others = () => ['one', 'two', '*'].map((name) => prefix + name)
  const many = () => ['EVAL', GET_MANY.source, '3', ...others(), 'nonce']
  const makers: (() => Command)[] = [
    () => ['GET', key],
    () => ['PTTL', key],
    () => ['EXISTS', key],
    () => ['UNLINK', key],
    () => ['UNLINK', ...(random.chance(0.1) ? others() : [key])],
    many,
    () => ['ECHO', text()],
    () => ['TIME'],
    () => ['PEXPIRE', key, random.pick(['-1', '0', ttl()])],
    () => ['SET', key, text(), 'PX', random.pick(['0', ttl(), ttl()])],
    () => [
      'SET',
      key,
      text(),
      ...random.pick([[], ['XX'], ['KEEPTTL'], ['XX', 'KEEPTTL'], ['NX']]),
    ],
    () => ['SET', key, text(), 'XX', 'PX', ttl()],
    () => ['SET', key, text(), 'IFEQ', text(), 'GET', ...random.pick([[], ['PX', ttl()]])],
    () => ['SET', key, text(), 'IFEQ', text(), ...random.pick([['GET', 'KEEPTTL'], []])],
    () => (random.chance(0.3) ? ['HSET', key, 'field', text()] : ['GET', key]),
    () => (random.chance(0.05) ? ['SCRIPT', 'FLUSH'] : ['NONSENSE']),
    () => ['SCAN', '0', 'MATCH', `${prefix.replace(/[-]/g, '\\-')}*`, 'COUNT', '100000'],
    () =>
      run(COMPARE_AND_SET, '7', ...compareAndSet(expected(), text(), random.pick([KEEP, 150_000]))),
    () => run(COMPARE_AND_SET, '7', ...compareAndSet(expected(), text(), Number.POSITIVE_INFINITY)),
    () => run(SET, deadline(), '7', ...set(text(), random.pick([KEEP, Number(life())]), 'any')),
    () => run(SET, deadline(), '7', ...set(text(), Number(life()), 'new', expected())),
    () => run(SET, deadline(), '7', ...set(text(), Number(life()), 'held', expected())),
    () => run(SET, deadline(), '7', ...set(text(), random.pick([KEEP, Number(life())]), 'there')),
    () => run(TOUCH, deadline(), '7', ttl(), random.pick(['150000', '250000'])),
    () => run(DESTROY, deadline(), '7'),
  ]
  return random.pick(makers)()
}

/** As text and numbers, and of errors the code. */
function plain(reply: unknown): unknown {
  if (reply instanceof Error) return `error ${reply.message.split(' ')[0]}`
  if (Buffer.isBuffer(reply)) return reply.toString()
  if (Array.isArray(reply)) return reply.map(plain)
  return typeof reply === 'bigint' ? Number(reply) : reply
}

function isAlike(command: Command, real: unknown, modelled: unknown): boolean {
  const name = command[0]
  if (name === 'TIME') {
    const [one, other] = [real, modelled].map((time) => (time as string[]).map(Number))
    return Math.abs((one?.[0] as number) - (other?.[0] as number)) <= 1
  }
  if (name === 'SCAN') {
    const [one, other] = [real, modelled].map((page) =>
      [...((page as string[][])[1] as string[])].sort(),
    )
    return JSON.stringify(one) === JSON.stringify(other)
  }
  if (typeof real === 'number' && typeof modelled === 'number') {
    const [one, other] = [toldBy(real), toldBy(modelled)]
    if (Math.abs(one.time) > 1e9) {
      return one.nonce === other.nonce && Math.abs(one.time - other.time) < TOLERANCE_MS
    }
    const isTime = Math.abs(real) > 1000
    return isTime ? Math.abs(real - modelled) < TOLERANCE_MS : real === modelled
  }
  if (Array.isArray(real) && Array.isArray(modelled) && real.length === modelled.length) {
    return real.every((one, i) => isAlike([], one, modelled[i]))
  }
  return JSON.stringify(real) === JSON.stringify(modelled)
}
