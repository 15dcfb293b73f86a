import { setImmediate as turn } from 'node:timers/promises'
import { expect } from 'chai'
import sinon from 'sinon'
import { type Command, RedisError, type SolidisLike, SolidisStore } from '../../lib/index.ts'
import { calls, rejection } from '../support/calls.ts'
import { type Data, data } from '../support/requests.ts'
import { acknowledged, answerTo } from '../support/scripts.ts'
import { failingClient, stubClient } from '../support/stub.ts'

/** Nothing of the arguments of a command may reach a log. */
function expectDiscreet(error: Error): void {
  expect(error.message).not.to.match(/the-sid|the-payload|sess:/)
}

describe('an error reply', () => {
  for (const [method, command, call] of calls) {
    it(`rejects ${method}, with the command, and nothing that could repeat its arguments`, async () => {
      const reply = new Error('OOM command not allowed when used memory > maxmemory.')
      const error = await rejection(call(new SolidisStore({ client: stubClient(() => reply) })))
      expect(error).to.be.instanceOf(RedisError)
      expect(error).to.include({ name: 'RedisError', command, code: 'OOM' })
      expect(error.cause).to.equal(undefined)
      expect(error.message).to.equal(`${command} failed: ${reply.message}`)
      expectDiscreet(error)
    })
  }

  it('is noticed at any place', async () => {
    const reply = new Error('NOAUTH Authentication required.')
    const client = stubClient(([name]) => (name === 'PTTL' ? reply : Buffer.from('{"cookie":{}}')))
    const store = new SolidisStore({ client })
    const [, alone, shared] = await Promise.all([
      // What comes after it in the tick is read by two commands.
      store.exists('0'),
      ...[new SolidisStore({ client }), store].map((each) => rejection(each.get('1'))),
    ])
    expect(alone).to.include({ command: 'GET', code: 'NOAUTH' })
    expect(shared).to.include({ command: 'PTTL', code: 'NOAUTH' })
  })

  it('to one of many commands fails clear and all', async () => {
    const reply = new Error('READONLY You can not write against a read only replica.')
    const client = stubClient(([name, key]) => {
      if (name === 'SCAN') return ['0', ['sess:1', 'sess:2', 'sess:3']]
      return key === 'sess:2' ? reply : null
    })
    const cluster = { ...client, nodes: async () => [client] }
    const store = new SolidisStore({ client: cluster })
    expect(await rejection(store.clear())).to.include({ command: 'UNLINK', code: 'READONLY' })
    expect(await rejection(store.all())).to.include({ command: 'GET', code: 'READONLY' })
  })

  it('that repeats the arguments is cut short', async () => {
    const reply = new Error(
      "ERR unknown command 'UNLINK', with args beginning with: 'sess:the-sid' 'the-payload\n' ",
    )
    const store = new SolidisStore({ client: stubClient(() => reply) })
    const error = await rejection(store.destroy('the-sid'))
    expect(error.message).to.equal("UNLINK failed: ERR unknown command 'UNLINK'")
    expect(error.code).to.equal('ERR')
  })
})

describe('a server that is only a replica', () => {
  it('lets the client connect anew, but not for every command that is refused', async () => {
    const reply = new Error('READONLY You can not write against a read only replica.')
    const reconnect = sinon.spy()
    const store = new SolidisStore({ client: { ...stubClient(() => reply), reconnect } })
    for (let i = 0; i < 10; i++) {
      expect(await rejection(store.destroy('1'))).to.include({ code: 'READONLY' })
    }
    expect(reconnect.callCount).to.equal(1)
  })
})

describe('a client that fails', () => {
  for (const [method, command, call] of calls) {
    it(`rejects ${method}, with the command and the cause`, async () => {
      const cause = new Error('connect ECONNREFUSED 127.0.0.1:6379')
      const error = await rejection(call(new SolidisStore({ client: failingClient(cause) })))
      expect(error).to.be.instanceOf(RedisError)
      expect(error).to.include({ command, code: 'EREDIS', cause })
      expect(error.message).to.equal(`${command} failed: ${cause.message}`)
      expectDiscreet(error)
    })
  }

  it('may do so by throwing', async () => {
    const cause = new Error('The client is closed')
    const client = stubClient()
    client.send.throws(cause)
    const error = await rejection(new SolidisStore({ client }).get('1'))
    expect(error).to.be.instanceOf(RedisError)
    expect(error).to.include({ command: 'GET', cause })
  })

  it('may do so with something that is no Error', async () => {
    const client = failingClient('closed')
    const error = await rejection(new SolidisStore({ client }).get('1'))
    expect(error).to.be.instanceOf(RedisError)
    expect(error).to.include({ message: 'GET failed: closed', cause: 'closed' })
  })

  const lost: [string, replies: unknown][] = [
    ['no replies', []],
    ['too few', [[null]]],
    ['too many', [[null], [1], [1]]],
    ['nothing', undefined],
    ['nothing at all', null],
  ]
  for (const [name, replies] of lost) {
    it(`may lose replies: ${name}`, async () => {
      const client = stubClient()
      client.send.resolves(replies as unknown[][])
      const error = await rejection(new SolidisStore({ client }).get('1'))
      expect(error).to.be.instanceOf(RedisError)
      expect(error.message).to.match(/^GET failed: .*repl/)
    })
  }
})

describe('a bigint reply', () => {
  it('is as good as a number', async () => {
    const gone: unknown[] = []
    const store = new SolidisStore({ client: stubClient(() => 1n) })
    store.on('gone', (event) => gone.push(event))
    expect(await store.exists('1')).to.equal(true)
    await store.touch('1', data())
    expect(gone).to.deep.equal([])
  })

  it('is as good as a number if it is zero', async () => {
    const gone: unknown[] = []
    const store = new SolidisStore({ client: stubClient(() => 0n) })
    store.on('gone', (event) => gone.push(event))
    expect(await store.exists('1')).to.equal(false)
    await store.touch('1', data())
    expect(gone).to.deep.equal([{ sid: '1' }])
  })
})

describe('a script', () => {
  const payload = JSON.stringify({ cookie: {} })

  /** What is sent to change a session, where EVALSHA gets this reply. */
  async function change(evalsha: unknown, evaluated: unknown = 1) {
    const client = stubClient(([name]) => {
      if (name === 'GET') return Buffer.from(payload)
      if (name === 'PTTL') return 60_000
      return name === 'EVALSHA' ? evalsha : evaluated
    })
    const store = new SolidisStore({ client })
    const session = (await store.get('the-sid')) as Data
    session.secret = 'the-payload'
    const outcome = store.set('the-sid', session)
    await outcome.catch(() => {})
    return { outcome, sent: client.sent().slice(1) }
  }
  const noScript = new Error('NOSCRIPT No matching script. Please use EVAL.')

  it('is sent by its digest, with one key', async () => {
    const { outcome, sent } = await change(1)
    await outcome
    expect(sent).to.have.length(1)
    const [name, sha1, keys, key, , , life, ...expected] = sent[0] ?? []
    expect([name, keys, key]).to.deep.equal(['EVALSHA', '1', 'sess:the-sid'])
    expect(Number(life)).to.be.within(86_000_000, 86_400_000)
    expect(expected).to.deep.equal([payload])
    expect(sha1).to.match(/^[0-9a-f]{40}$/)
  })

  it('is sent whole where the server does not know it', async () => {
    const { outcome, sent } = await change(noScript)
    await outcome
    const [byDigest = [], whole = []] = sent
    expect(sent).to.have.length(2)
    expect([byDigest[0], whole[0]]).to.deep.equal(['EVALSHA', 'EVAL'])
    expect(whole[1]).to.include("redis.call('SET'")
    expect(whole.slice(2)).to.deep.equal(byDigest.slice(2))
  })

  it('that the server refuses is not sent again', async () => {
    const { outcome, sent } = await change(new Error('READONLY You can not write.'))
    expect(sent.map(([name]) => name)).to.deep.equal(['EVALSHA'])
    const error = await rejection(outcome)
    expect(error).to.include({ command: 'SET', code: 'READONLY' })
    expectDiscreet(error)
  })

  it('that the server refuses whole is an error', async () => {
    const { outcome, sent } = await change(noScript, new Error('OOM not allowed.'))
    expect(sent.map(([name]) => name)).to.deep.equal(['EVALSHA', 'EVAL'])
    const error = await rejection(outcome)
    expect(error).to.include({ command: 'SET', code: 'OOM' })
    expectDiscreet(error)
  })
})

describe('an acknowledgement', () => {
  const payload = '{"cookie":{}}'
  const writes: [name: string, write: (store: SolidisStore) => Promise<unknown>][] = [
    ['a new session', (store) => store.set('1', data())],
    ['a touch', (store) => store.touch('1', data())],
    ['a logout', (store) => store.destroy('1')],
    [
      'a save',
      async (store) => store.set('1', Object.assign((await store.get('1')) as Data, { a: 1 })),
    ],
    ['an update', (store) => store.update('1', (session) => void Object.assign(session, { a: 1 }))],
  ]

  for (const [name, write] of writes) {
    it(`that is the one to another write is none: ${name}`, async () => {
      // Of writes of every kind, each is answered with what the one before was to be.
      let before: unknown = 7
      const ofWrite = (command: Command) => {
        const reply = before
        before = acknowledged(command.map(String), 1)
        return reply
      }
      const client: SolidisLike = {
        async send(commands) {
          return commands.map((command) => [
            answerTo(command.map(String), ([name]) => {
              if (name === 'GET') return payload
              return name === 'PTTL' ? 60_000 : ofWrite(command)
            }),
          ])
        },
      }
      const store = new SolidisStore({ client, breaker: false })
      for (const _ of [1, 2]) {
        const error = await rejection(write(store))
        expect(error).to.include({ code: 'EFOREIGN' })
      }
    })
  }
})

for (const pipelines of [true, false]) {
  describe(`a session over a client ${pipelines ? 'that makes' : 'without'} pipelines`, () => {
    const payload = '{"cookie":{},"user":"ann"}'
    const held = ([name]: string[]) => (name === 'GET' ? payload : 1000)

    function clientOf(answer: (command: string[]) => unknown) {
      return Object.assign(stubClient(answer), { pipelines })
    }

    /** The names of the commands, one array for each round trip. */
    function tripsOf({ send }: ReturnType<typeof stubClient>): unknown[][] {
      return send.args.map(([commands]) => commands.map(([name]) => name))
    }

    it('is read by one command', async () => {
      const client = clientOf(held)
      const store = new SolidisStore({ client })
      expect(await store.get('1')).to.include({ user: 'ann' })
      await turn()
      expect(await store.get('1')).to.include({ user: 'ann' })
      expect(tripsOf(client)).to.deep.equal([['EVALSHA'], ['EVALSHA']])
    })

    const by = pipelines ? 'two' : 'one, too,'
    it(`is read by ${by} where another was sent in the same tick`, async () => {
      const client = clientOf(held)
      const store = new SolidisStore({ client })
      const [, ...sessions] = await Promise.all(['1', '2', '3'].map((sid) => store.get(sid)))
      for (const session of sessions) expect(session).to.include({ user: 'ann' })
      expect(tripsOf(client)).to.deep.equal([
        ['EVALSHA'],
        ...(pipelines ? [['GET', 'PTTL', 'GET', 'PTTL']] : [['EVALSHA'], ['EVALSHA']]),
      ])
    })

    it('is read by the whole script where the server does not know it', async () => {
      const client = clientOf(held)
      client.send.onFirstCall().resolves([[new Error('NOSCRIPT No matching script.')]])
      expect(await new SolidisStore({ client }).get('1')).to.include({ user: 'ann' })
      expect(tripsOf(client)).to.deep.equal([['EVALSHA'], ['EVAL']])
    })

    it('is read by two where the user of Redis may run no scripts, and asked for so from then on', async () => {
      const client = clientOf(held)
      const refusal = new Error("NOPERM this user can't run 'evalsha'")
      client.send.onFirstCall().resolves([[refusal]])
      const store = new SolidisStore({ client })
      expect(await store.get('1')).to.include({ user: 'ann' })
      await turn()
      expect(await store.get('1')).to.include({ user: 'ann' })
      expect(tripsOf(client)).to.deep.equal([['EVALSHA'], ['GET', 'PTTL'], ['GET', 'PTTL']])
    })

    for (const reply of [null, 7, payload, [], [payload], [payload, 'text'], [7, 1000]]) {
      it(`is none of ${JSON.stringify(reply)}, which is the reply to another call`, async () => {
        const client = Object.assign(clientOf(held), { reconnect: sinon.spy() })
        client.send.onFirstCall().resolves([[reply]])
        const store = new SolidisStore({ client })
        expect(await rejection(store.get('1'))).to.include({ command: 'GET', code: 'EFOREIGN' })
        expect(client.reconnect.callCount).to.be.above(0)
        expect(store.state).to.equal('open')
      })
    }

    for (const [version, message] of [
      ['6.0', 'ERR Error running script (call to f_1): @user_script: 1: WRONGTYPE Operation'],
      [
        '6.2',
        'ERR Error running script (call to f_1): @user_script:1: @user_script: 1: -WRONGTYPE Operation',
      ],
      ['7.0', `WRONGTYPE Operation script: ${'a'.repeat(40)}, on @user_script:1.`],
    ] as const) {
      it(`is none where Redis ${version} holds something else`, async () => {
        const store = new SolidisStore({ client: clientOf(() => new Error(message)) })
        const invalid: RedisError[] = []
        store.on('invalid', ({ error }) => invalid.push(error as RedisError))
        expect(await store.get('1')).to.equal(null)
        expect(invalid.map(({ code, message }) => [code, message])).to.deep.equal([
          ['WRONGTYPE', 'GET failed: WRONGTYPE Operation'],
        ])
      })
    }
  })
}
