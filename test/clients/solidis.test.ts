import { setImmediate as turn } from 'node:timers/promises'
import { expect } from 'chai'
import sinon from 'sinon'
import { gateOf, isSolidis } from '../../lib/clients/solidis.ts'
import { ClientError } from '../../lib/redis/client.ts'
import { rejection } from '../support/calls.ts'
import { echo, FakeSolidis, respError, type Sent } from '../support/fake-solidis.ts'
import { expireCalls } from '../support/faults.ts'

const get = (key: string) => [['GET', key]]

/** A gate that is open. */
async function openGate() {
  const client = new FakeSolidis()
  const gate = gateOf(client)
  client.emit('connect')
  client.emit('ready')
  const first = gate.send(get('first'))
  await client.has(1)
  client.answerAll()
  await first
  return { client, gate }
}

/** A few turns of the event loop, in which what is not to happen would have happened. */
async function aWhile(): Promise<void> {
  for (let i = 0; i < 5; i++) await turn()
}

describe('the gate in front of Solidis', () => {
  afterEach(() => sinon.restore())

  it('is one for each client', () => {
    const client = new FakeSolidis()
    expect(gateOf(client)).to.equal(gateOf(client))
    expect(gateOf(client)).not.to.equal(gateOf(new FakeSolidis()))
  })

  it('is for what looks like Solidis', () => {
    expect(isSolidis(new FakeSolidis())).to.equal(true)
    for (const other of [{ send() {} }, {}, null, undefined, 'solidis']) {
      expect(isSolidis(other)).to.equal(false)
    }
  })

  describe('opening', () => {
    it('asks nothing of the client before the first call', async () => {
      const client = new FakeSolidis()
      gateOf(client)
      await aWhile()
      expect(client.connect.called).to.equal(false)
      expect(client.sent).to.deep.equal([])
    })

    it('connects, and sends a call when a probe has come back', async () => {
      const client = new FakeSolidis()
      client.answerProbe = undefined
      const call = gateOf(client).send(get('1'))
      await client.has(1)
      expect(client.connect.calledOnce).to.equal(true)
      await aWhile()
      client.answerProbe = echo
      const [probe, another] = client.sent.splice(0) as [Sent, Sent]
      expect(probe.commands).to.have.nested.property('[0][0]', 'ECHO')
      another.resolve([[echo(undefined)]])
      probe.resolve([[echo(probe.commands[0]?.[1])]])
      await client.has(1)
      client.answerAll()
      expect(await call).to.deep.equal([['1']])
    })

    it('takes a nonce of its own for each probe', async () => {
      const client = new FakeSolidis()
      const nonces = new Set()
      client.answerProbe = (nonce) => {
        if (nonce !== undefined) nonces.add(nonce)
        return echo(nonce)
      }
      for (let i = 0; i < 3; i++) {
        client.emit('connect')
        gateOf(client)
        client.emit('connect')
        client.emit('ready')
        await aWhile()
      }
      expect(nonces.size).to.equal(3)
    })

    const foreign = Buffer.from('{"user":"bob"}')
    for (const answerProbe of [
      (argument?: string) => (argument === undefined ? echo(argument) : foreign),
      (argument?: string) => (argument === undefined ? foreign : echo(argument)),
    ]) {
      it('stays shut where the reply is that of another call, and drops the connection', async () => {
        const client = new FakeSolidis()
        client.answerProbe = answerProbe
        const error = await rejection(gateOf(client).send(get('1')))
        expect(error).to.be.instanceOf(ClientError)
        expect(error.code).to.equal('EPROTO')
        const [drop, ...others] = client.sent.splice(0)
        expect(drop?.commands).to.deep.equal([['QUIT'], ['null']])
        expect(others).to.deep.equal([])
        client.answerProbe = echo
        const call = gateOf(client).send(get('2'))
        await client.has(1)
        expect(client.keys).to.deep.equal(['2'])
        client.answerAll()
        await call
      })
    }

    it('does not believe an old probe once there is a new connection', async () => {
      const client = new FakeSolidis()
      client.answerProbe = undefined
      const call = gateOf(client).send(get('1'))
      await client.has(1)
      client.emit('connect')
      for (const { commands, resolve } of client.sent.splice(0)) resolve([[echo(commands[0]?.[1])]])
      await aWhile()
      expect(client.sent).to.deep.equal([])
      client.answerProbe = echo
      client.emit('ready')
      await client.has(1)
      expect(client.keys).to.deep.equal(['1'])
      client.answerAll()
      await call
    })

    it('sends nothing, no probe either, between connect and ready, and then all in order', async () => {
      const { client, gate } = await openGate()
      client.emit('connect')
      client.answerProbe = undefined
      const calls = ['1', '2', '3'].map((key) => gate.send(get(key)))
      await aWhile()
      expect(client.sent).to.deep.equal([])
      client.answerProbe = echo
      client.emit('ready')
      await client.has(3)
      expect(client.keys).to.deep.equal(['1', '2', '3'])
      client.answerAll()
      expect(await Promise.all(calls)).to.deep.equal([[['1']], [['2']], [['3']]])
    })

    it('takes no error in between for the end of the initialisation', async () => {
      const { client, gate } = await openGate()
      const clock = sinon.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
      client.emit('connect')
      client.emit('error', new Error('Received reply with no pending request'))
      const call = gate.send(get('1'))
      await clock.tickAsync(3000)
      expect(client.sent).to.deep.equal([])
      client.emit('ready')
      await clock.tickAsync(0)
      expect(client.keys).to.deep.equal(['1'])
      client.answerAll()
      await call
    })

    it('begins anew where it had opened before the client was ready', async () => {
      const client = new FakeSolidis()
      const gate = gateOf(client)
      const early = gate.send(get('1'))
      await client.has(1)
      client.emit('ready')
      expect(await rejection(early)).to.include({ code: 'ECONNRESET' })
    })

    it('minds no second ready of the same connection', async () => {
      const { client, gate } = await openGate()
      const call = gate.send(get('1'))
      client.emit('ready')
      client.answerAll()
      expect(await call).to.deep.equal([['1']])
    })

    it('lets a script probe where the user may not echo', async () => {
      const client = new FakeSolidis()
      client.answerProbe = () => respError("NOPERM this user may not run 'echo'")
      const call = gateOf(client).send(get('1'))
      await client.has(1)
      const [probe] = client.sent.splice(0)
      expect(probe?.commands[0]?.slice(0, -1)).to.deep.equal(['EVAL', 'return ARGV[1]', '0'])
      probe?.resolve([[probe.commands[0]?.[3]]])
      await client.has(1)
      client.answerAll()
      expect(await call).to.deep.equal([['1']])
    })

    it('tells calls why Redis refused the probe', async () => {
      const client = new FakeSolidis()
      client.answerProbe = () => respError('NOAUTH Authentication required.')
      const error = await rejection(gateOf(client).send(get('1')))
      expect(error).to.include({ code: 'NOAUTH', message: 'NOAUTH Authentication required.' })
    })
  })

  describe('calls that wait', () => {
    it('fail as soon as there is no connection, and are not sent later', async () => {
      const { client, gate } = await openGate()
      client.emit('connect')
      const waiting = gate.send(get('1'))
      const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
      client.emit('error', refused)
      const error = await rejection(waiting)
      expect(error).to.be.instanceOf(ClientError)
      expect(error).to.include({ code: 'ECONNREFUSED', cause: refused })
      client.emit('ready')
      await aWhile()
      expect(client.sent).to.deep.equal([])
    })

    it('fail when a connection takes too long, and are not sent later', async () => {
      const { client, gate } = await openGate()
      client.emit('connect')
      const toFake = ['setTimeout', 'clearTimeout', 'performance'] as const
      const clock = sinon.useFakeTimers({ toFake: [...toFake] })
      const waiting = rejection(gate.send(get('1')))
      await expireCalls(clock)
      expect(await waiting).to.include({ code: 'ETIMEDOUT' })
      client.emit('ready')
      await clock.tickAsync(0)
      expect(client.sent).to.deep.equal([])
    })

    it('leave a client alone that cannot connect, for longer and longer', async () => {
      const client = new FakeSolidis()
      client.connect.rejects(Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }))
      const gate = gateOf(client)
      const clock = sinon.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
      const codes = new Set()
      for (let i = 0; i < 1000; i++) {
        gate.send(get('1')).catch(({ code }) => codes.add(code))
        await clock.tickAsync(10)
      }
      // 10 s: after rests of 50 to 100 ms, 100 to 200 ms and so on up to 500 to 1000 ms.
      expect(client.connect.callCount).to.be.within(10, 25)
      expect(client.sent).to.deep.equal([])
      client.connect.resolves()
      const last = gate.send(get('2'))
      await clock.tickAsync(1000)
      client.answerAll()
      expect(await last).to.deep.equal([['2']])
      expect([...codes]).to.deep.equal(['ECONNREFUSED'])
    })
  })

  describe('calls in flight', () => {
    const ends: [how: string, code: string, end: (client: FakeSolidis) => void][] = [
      ['another begins', 'ECONNRESET', (client) => client.emit('connect')],
      [
        'with an error',
        'EPIPE',
        (client) => client.emit('error', Object.assign(new Error('x'), { code: 'EPIPE' })),
      ],
      ['by quit, as what may have been carried out', 'ECONNRESET', (client) => client.quit()],
      [
        'by a time limit',
        'ETIMEDOUT',
        ({ sent }) => sent[1]?.reject(new Error('Command(s) timed out after 5000 ms.')),
      ],
    ]
    for (const [how, code, end] of ends) {
      it(`all fail at once when the connection ends: ${how}`, async () => {
        const { client, gate } = await openGate()
        const calls = ['1', '2', '3'].map((key) => rejection(gate.send(get(key))))
        end(client)
        for (const call of calls) expect(await call).to.include({ code })
        const next = gate.send(get('4')).catch(() => {})
        expect(client.keys).to.deep.equal(['1', '2', '3'])
        client.emit('connect')
        client.emit('ready')
        await client.has(4)
        client.answerAll()
        await next
      })
    }

    describe('that fail by a limit of the client, after the process was busy for longer', () => {
      const limit = new Error('Command(s) timed out after 5000 ms.')

      /** The client finds after `ms` that the time of all that it was sent is up. */
      function timeOut(client: FakeSolidis, clock: sinon.SinonFakeTimers, ms: number) {
        clock.tick(ms)
        for (const { reject } of client.sent.splice(0)) reject(limit)
      }

      async function busy() {
        const { client, gate } = await openGate()
        const toFake = ['setTimeout', 'clearTimeout', 'performance'] as const
        const clock = sinon.useFakeTimers({ toFake: [...toFake] })
        const calls = ['1', '2', '3'].map((key) => gate.send(get(key)))
        return { client, gate, clock, calls }
      }

      it('are sent once more, in their order and before others, over the new connection', async () => {
        const { client, gate, clock, calls } = await busy()
        timeOut(client, clock, 6000)
        await aWhile()
        calls.push(gate.send(get('4')))
        expect(client.sent).to.deep.equal([])
        client.emit('connect')
        client.emit('ready')
        await aWhile()
        expect(client.keys).to.deep.equal(['1', '2', '3', '4'])
        client.answerAll()
        expect(await Promise.all(calls)).to.deep.equal([[['1']], [['2']], [['3']], [['4']]])
      })

      it('are sent once more over the old one, where that stays', async () => {
        const { client, clock, calls } = await busy()
        timeOut(client, clock, 6000)
        await clock.tickAsync(1)
        await aWhile()
        client.answerAll()
        expect(await Promise.all(calls)).to.deep.equal([[['1']], [['2']], [['3']]])
      })

      it('fail the second time', async () => {
        const { client, clock, calls } = await busy()
        const failed = calls.map(rejection)
        timeOut(client, clock, 6000)
        await clock.tickAsync(1)
        await aWhile()
        timeOut(client, clock, 6000)
        for (const call of failed) expect(await call).to.include({ code: 'ETIMEDOUT' })
      })

      it('fail where the process was not', async () => {
        const { client, clock, calls } = await busy()
        const failed = calls.map(rejection)
        timeOut(client, clock, 5010)
        for (const call of failed) expect(await call).to.include({ code: 'ETIMEDOUT' })
      })
    })

    it('are over when they have failed: what comes of them later means nothing', async () => {
      const { client, gate } = await openGate()
      const old = ['1', '2', '3'].map((key) => rejection(gate.send(get(key))))
      client.emit('connect')
      client.emit('ready')
      await Promise.all(old)
      const call = gate.send(get('4'))
      await client.has(4)
      client.sent[0]?.resolve([['4']])
      client.sent[1]?.resolve([])
      client.sent[2]?.reject(new Error('Connection closed.'))
      await aWhile()
      client.sent[3]?.resolve([['mine']])
      expect(await call).to.deep.equal([['mine']])
    })

    it('fail when a push is taken for a reply, or the replies are not as many', async () => {
      class RespPush extends Array {}
      const signs = [[[RespPush.from(['invalidate', ['key']])]], [], [['1'], ['2']]]
      for (const replies of signs) {
        const { client, gate } = await openGate()
        const calls = ['1', '2'].map((key) => rejection(gate.send(get(key))))
        client.sent[0]?.resolve(replies)
        for (const call of calls) expect(await call).to.include({ code: 'EPROTO' })
      }
    })

    it('may be given arrays', async () => {
      const { client, gate } = await openGate()
      const call = gate.send([['SCAN', '0']])
      client.sent[0]?.resolve([[['0', []]]])
      expect(await call).to.deep.equal([[['0', []]]])
    })

    it('are 30,000 commands at most, waiting ones among them', async () => {
      const { client, gate } = await openGate()
      const many = Array.from({ length: 15_000 }, () => ['GET', '1'])
      const sent = gate.send(many)
      client.answerAll()
      await sent
      const failed = rejection(gate.send(many))
      client.emit('connect')
      await failed
      const waiting = [gate.send(many), gate.send(many)]
      expect(await rejection(gate.send(get('1')))).to.include({ code: 'EOVERLOAD' })
      client.emit('ready')
      await client.has(3)
      expect(await rejection(gate.send(get('1')))).to.include({ code: 'EOVERLOAD' })
      client.answerAll()
      await Promise.all(waiting)
      const next = gate.send(get('1'))
      client.answerAll()
      await next
    })
  })

  it('sends commands one by one where an error reply would reject them all', async () => {
    const client = new FakeSolidis()
    const send = client.send.bind(client)
    client.send = async (commands) => {
      const replies = await send(commands)
      for (const [reply] of replies) if (reply instanceof Error) throw reply
      return replies
    }
    const call = gateOf(client).send([
      ['GET', '1'],
      ['GET', '2'],
    ])
    await client.has(2)
    expect(client.keys).to.deep.equal(['1', '2'])
    const wrongType = respError('WRONGTYPE')
    client.sent[0]?.resolve([[wrongType]])
    client.sent[1]?.resolve([['two']])
    expect(await call).to.deep.equal([[wrongType], ['two']])
  })

  describe('reconnect', () => {
    it('lets the client or Redis hang up, and fails what is in flight', async () => {
      const { client, gate } = await openGate()
      const call = gate.send(get('1'))
      gate.reconnect?.()
      expect(await rejection(call)).to.include({ code: 'ECONNRESET' })
      expect(client.sent.at(-1)?.commands).to.deep.equal([['QUIT'], ['null']])
    })

    it('lets calls wait for the new connection', async () => {
      const { client, gate } = await openGate()
      client.answerProbe = undefined
      sinon.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
      gate.reconnect?.()
      const call = gate.send(get('1'))
      await aWhile()
      for (const { reject } of client.sent.splice(0)) reject(new Error('Connection closed.'))
      await aWhile()
      client.answerProbe = echo
      client.emit('connect')
      client.emit('ready')
      await aWhile()
      client.answerAll()
      expect(await call).to.deep.equal([['1']])
    })

    it('goes on with the old connection where Redis does not hang up', async () => {
      const { client, gate } = await openGate()
      gate.reconnect?.()
      client.sent.shift()?.resolve([[respError("ERR unknown command 'QUIT'")]])
      const call = gate.send(get('1'))
      await client.has(1)
      client.answerAll()
      expect(await call).to.deep.equal([['1']])
    })

    it('does nothing where there is no connection', async () => {
      const client = new FakeSolidis()
      gateOf(client).reconnect?.()
      await aWhile()
      expect(client.sent).to.deep.equal([])
    })
  })
})
