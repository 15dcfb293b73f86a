import { expect } from 'chai'
import sinon from 'sinon'
import { promiseOf } from '../../lib/callback.ts'
import type { Command, SolidisLike } from '../../lib/index.ts'
import type { Reply } from '../../lib/redis/client.ts'
import { compareAndSet, KEEP, type Keep } from '../../lib/redis/commands.ts'
import { Redis, WRITTEN } from '../../lib/redis/redis.ts'
import { rejection } from '../support/calls.ts'
import { mainKind, type TestClient } from '../support/clients.ts'
import { Gate, recording } from '../support/gate.ts'
import { isNative, NO_SUCH_OPTION, withNative, withoutNative } from '../support/native.ts'
import { freshPrefix } from '../support/redis.ts'
import { ask } from '../support/requests.ts'
import { acknowledged } from '../support/scripts.ts'

const SERVERS_OWN = [['SET', 'ECHO']]
const SCRIPT = [['EVALSHA']]

/** Replaces one payload by another, or one of several. */
function replace(redis: Redis, key: string, expected: string | string[], payload: string) {
  return replaceFor(redis, key, expected, payload, 60_000)
}

function replaceFor(
  redis: Redis,
  key: string,
  expected: string | string[],
  payload: string,
  ttlMs: number | Keep,
): Promise<Reply> {
  const args = compareAndSet([expected].flat(), payload, ttlMs)
  return promiseOf((done) => redis.compareAndSet(key, args, done))
}

describe("the server's own compare and set", () => {
  let tested: TestClient
  let client: SolidisLike
  let key: string

  before(async () => {
    tested = await mainKind.connect()
    client = { send: (commands) => tested.client.send(commands) }
  })
  after(() => tested.close())
  beforeEach(async () => {
    key = freshPrefix()
    await ask(client, 'SET', key, 'one', 'PX', '5000')
  })

  const held = async () => String(await ask(client, 'GET', key))
  const life = async () => Number(await ask(client, 'PTTL', key))

  /** A door that notes what it asks for, to a server that has it or has it not. */
  function open(server = withNative) {
    const counted = recording(server(client))
    return { redis: new Redis(counted), trips: counted.trips }
  }

  it('writes in one round trip where nothing has changed', async () => {
    const { redis, trips } = open()
    expect(await replace(redis, key, 'one', 'two')).to.equal(WRITTEN)
    expect([await held(), trips]).to.deep.equal(['two', SERVERS_OWN])
    expect(await life()).to.be.within(50_000, 60_000)
    expect(await replaceFor(redis, key, 'two', 'three', KEEP)).to.equal(WRITTEN)
    expect(await life()).to.be.within(50_000, 60_000)
    expect(await replaceFor(redis, key, 'three', 'four', Infinity)).to.equal(WRITTEN)
    expect([await held(), await life()]).to.deep.equal(['four', -1])
    expect(trips).to.deep.equal([SERVERS_OWN, SERVERS_OWN, SERVERS_OWN].flat())
  })

  it('gives what there is instead, and lets a script show that there is nothing', async () => {
    const { redis, trips } = open()
    expect(String(await replace(redis, key, 'another', 'two'))).to.equal('one')
    expect([await held(), trips]).to.deep.equal(['one', SERVERS_OWN])
    await ask(client, 'UNLINK', key)
    expect(await replace(redis, key, 'one', 'two')).to.equal(null)
    expect(await ask(client, 'EXISTS', key)).to.equal(0)
    expect(trips.slice(1, 3)).to.deep.equal([...SERVERS_OWN, ...SCRIPT])
  })

  it('has written where the client sends it twice', async () => {
    const server = withNative(client)
    const twice = {
      send: async (commands: Command[]) =>
        [await server.send(commands), await server.send(commands)][1] as unknown[][],
    }
    expect(await replace(new Redis(twice), key, 'one', 'two')).to.equal(WRITTEN)
    expect(await held()).to.equal('two')
  })

  it('is not asked where one of several is expected, or text that may be of other bytes', async () => {
    const { redis, trips } = open()
    expect(await replace(redis, key, ['zero', 'one'], 'two')).to.equal(WRITTEN)
    expect(await replace(redis, key, 'two', '\ufffd')).to.equal(WRITTEN)
    await client.send([['SET', key, Buffer.from([0xff])]])
    expect(String(await replace(redis, key, '\ufffd', 'three'))).to.equal('\ufffd')
    await ask(client, 'SET', key, '\ud800')
    expect(await replace(redis, key, '\ud800', 'four')).to.equal(WRITTEN)
    expect(new Set(trips.flat())).not.to.include('SET')
  })

  it('is asked for once where the server has none, and nobody waits for the answer', async () => {
    const { redis, trips } = open(withoutNative)
    const keys = ['a', 'b', 'c'].map((each) => key + each)
    for (const each of keys) await ask(client, 'SET', each, 'one')
    const together = await Promise.all(keys.map((each) => replace(redis, each, 'one', 'two')))
    expect(together).to.deep.equal([WRITTEN, WRITTEN, WRITTEN])
    expect(await replace(redis, key, 'one', 'two')).to.equal(WRITTEN)
    expect(trips.flat().filter((name) => name === 'SET')).to.have.length(1)
  })

  it('is asked for anew over each connection', async () => {
    let server = withoutNative(client)
    const counted = recording({ send: (commands) => server.send(commands) })
    const redis = new Redis(Object.assign(counted, { connections: 1 }))
    await replace(redis, key, 'one', 'two')
    server = withNative(client)
    await replace(redis, key, 'two', 'three')
    expect(counted.trips.splice(0)).to.deep.equal([...SERVERS_OWN, ...SCRIPT, ...SCRIPT])
    Object.assign(counted, { connections: 2 })
    await replace(redis, key, 'three', 'four')
    expect(counted.trips.splice(0)).to.deep.equal(SERVERS_OWN)
    // Another node, or a failover that the client does not count.
    server = withoutNative(client)
    for (const i of [4, 5]) {
      await ask(client, 'SET', key, String(i))
      expect(await replace(redis, key, String(i), 'next')).to.equal(WRITTEN)
    }
    server = withNative(client)
    await replace(redis, key, 'next', 'last')
    expect(counted.trips).to.deep.equal([...SERVERS_OWN, ...SCRIPT, ...SCRIPT, ...SCRIPT])
  })

  it('is asked for again where there was no answer', async () => {
    let isDown = true
    const server = withNative(client)
    const counted = recording({
      send: (commands) => (isDown ? Promise.reject(new Error('down')) : server.send(commands)),
    })
    const redis = new Redis(counted)
    await rejection(replace(redis, key, 'one', 'two'))
    isDown = false
    expect(await replace(redis, key, 'one', 'two')).to.equal(WRITTEN)
    expect(counted.trips).to.deep.equal([...SERVERS_OWN, ...SERVERS_OWN])
  })

  it('stands alone where no other reply is a payload, and one of a session at a time', async () => {
    const counted = recording(withNative(client))
    const redis = new Redis(Object.assign(counted, { pipelines: false }))
    expect(await replace(redis, key, 'one', 'two')).to.equal(WRITTEN)
    expect(counted.trips.splice(0)).to.deep.equal([['SET']])
    const both = [replace(redis, key, 'two', 'three'), replace(redis, key, 'two', 'four')]
    const [first, second] = await Promise.all(both)
    expect([first, String(second)]).to.deep.equal([WRITTEN, 'three'])
    expect(counted.trips.splice(0)).to.deep.equal([['SET'], ...SCRIPT])
    expect(await replace(redis, key, 'three', 'four')).to.equal(WRITTEN)
    expect(counted.trips).to.deep.equal([['SET']])
  })

  it('waits for no payloads that are read besides', async () => {
    const gate = new Gate()
    const counted = recording(withNative(gate.wrap(client)))
    const redis = new Redis(Object.assign(counted, { pipelines: false, nodes: async () => [] }))
    gate.close()
    const read = promiseOf((done) => redis.getMany([key], done))
    const written = replace(redis, key, 'one', 'two')
    await gate.holds(2)
    await gate.open()
    await Promise.all([read, written])
    expect(await replace(redis, key, 'two', 'three')).to.equal(WRITTEN)
    expect(counted.trips).to.deep.equal([['GET', 'PTTL'], ...SCRIPT, ['SET']])
  })

  it('is not asked where an ECHO does not show whose the reply is', async () => {
    const counted = recording(withNative(client))
    const redis = new Redis(Object.assign(counted, { nodeOf: () => 'a node' }))
    expect(await replace(redis, key, 'one', 'two')).to.equal(WRITTEN)
    expect(counted.trips).to.deep.equal(SCRIPT)
  })

  it('is what a server does that has one', async function () {
    const asked: Command = ['SET', key, 'one', 'IFEQ', 'one', 'GET', 'KEEPTTL']
    const [[reply]] = (await client.send([asked])) as [[unknown]]
    if (reply instanceof Error && reply.message === NO_SUCH_OPTION.message) {
      if (this.test) this.test.title += ', which the one at hand has not'
      this.skip()
    }
    const replies = async (server: SolidisLike) => {
      const said: string[] = []
      const tell = async (...command: Command) => {
        const [[reply]] = (await server.send([command])) as [[unknown]]
        said.push(String(reply).slice(0, 30))
      }
      await tell('SET', key, 'one')
      for (const [expected, payload] of ['one two', 'one two', 'two three'].map((each) =>
        each.split(' '),
      )) {
        await tell('SET', key, payload as string, 'IFEQ', expected as string, 'GET', 'PX', '60000')
        await tell('SET', key, payload as string, 'IFEQ', payload as string, 'GET', 'KEEPTTL')
        await tell('PTTL', key).then(() => said.splice(-1, 1, String(Number(said.at(-1)) > 50_000)))
      }
      await tell('UNLINK', key)
      await tell('SET', key, 'two', 'IFEQ', 'one', 'GET')
      await tell('EXISTS', key)
      await tell('RPUSH', key, 'no payload')
      await tell('SET', key, 'two', 'IFEQ', 'one', 'GET')
      await tell('UNLINK', key)
      return said
    }
    expect(await replies(client)).to.deep.equal(await replies(withNative(client)))
  })
})

describe("a reply to the server's own compare and set", () => {
  /** What comes of it, and which commands it takes, where the server answers with these. */
  async function outcomeOf(replies: unknown[], options: object = {}) {
    const sent: string[] = []
    const client: SolidisLike = {
      async send(commands) {
        sent.push(...commands.map(([name]) => String(name)))
        if (!isNative(commands[0]))
          return commands.map((each) => [acknowledged(each.map(String), 1)])
        return commands.map(([name, nonce], i) => [
          i in replies ? replies[i] : name === 'ECHO' ? nonce : null,
        ])
      },
      ...options,
    }
    const outcome = await replace(new Redis(client), 'the key', 'one', 'two').catch(
      ({ code }) => code,
    )
    return { outcome, names: sent.join(' ') }
  }
  const noRight = new Error("NOPERM this user has no permissions to run the 'echo' command")

  for (const [what, replies, outcome, names] of [
    ['that is what was expected', ['one'], WRITTEN, 'SET ECHO'],
    ['that is what was to be written', [Buffer.from('two')], WRITTEN, 'SET ECHO'],
    ['that is something else', ['three'], 'three', 'SET ECHO'],
    ['that only says OK is not believed', ['OK'], WRITTEN, 'SET ECHO EVALSHA'],
    ['that says nothing is not believed', [null], WRITTEN, 'SET ECHO EVALSHA'],
    ['that cannot be one is none', [1], 'EFOREIGN', 'SET ECHO'],
    ['that is a list is none', [['one']], 'EFOREIGN', 'SET ECHO'],
    ['of which another is behind it is none', ['one', '0'], 'EFOREIGN', 'SET ECHO'],
    ['behind which there is none is none', ['one', null], 'EFOREIGN', 'SET ECHO'],
    ['behind which ECHO is refused is not believed', ['one', noRight], WRITTEN, 'SET ECHO EVALSHA'],
    ['of a server that does not know it', [NO_SUCH_OPTION, '0'], WRITTEN, 'SET ECHO EVALSHA'],
    ['of one where it is forbidden', [new Error("NOPERM can't run")], WRITTEN, 'SET ECHO EVALSHA'],
    ['of another type', [new Error('WRONGTYPE Operation')], 'WRONGTYPE', 'SET ECHO'],
    ['of a busy server', [new Error('BUSY Redis'), new Error('BUSY Redis')], 'BUSY', 'SET ECHO'],
  ] as const) {
    it(what, async () => {
      expect(await outcomeOf([...replies])).to.deep.equal({ outcome, names })
    })
  }

  it('of a replica has the client connect anew', async () => {
    const reconnect = sinon.spy()
    expect(await outcomeOf([new Error('READONLY You')], { reconnect })).to.include({
      outcome: 'READONLY',
    })
    expect(reconnect.callCount).to.equal(1)
  })

  it('of a client that rejects with it', async () => {
    const send = sinon.stub()
    const client: SolidisLike = {
      async send(commands) {
        send()
        if (isNative(commands[0])) throw NO_SUCH_OPTION
        return commands.map((each) => [acknowledged(each.map(String), 1) ?? each[1]])
      },
      pipelines: false,
    }
    expect(await replace(new Redis(client), 'the key', 'one', 'two')).to.equal(WRITTEN)
    expect(send.callCount).to.equal(2)
  })
})
