import { expect } from 'chai'
import sinon from 'sinon'
import {
  fromIoredis,
  fromNodeRedis,
  type IoredisClient,
  type NodeRedisCluster,
  SolidisStore,
} from '../../lib/index.ts'
import { rejection } from '../support/calls.ts'
import { type Data, data } from '../support/requests.ts'

const BULK_STRING = '$'.charCodeAt(0)
const asBuffers = { typeMapping: { [BULK_STRING]: Buffer } }

/** Answers commands as an almost empty Redis does. */
async function answer(command: unknown[]): Promise<unknown> {
  if (command[0] === 'SCAN') return ['0', [Buffer.from('sess:1')]]
  if (command[0] === 'GET') return Buffer.from('{"cookie":{}}')
  if (command[0] === 'EVALSHA') throw new Error('NOSCRIPT No matching script.')
  return 1
}

/** Changes a session that was loaded, so that a script has to run. */
async function change(store: SolidisStore): Promise<void> {
  const session = (await store.get('1')) as Data
  session.views = 1
  await store.set('1', session)
}

describe('fromNodeRedis', () => {
  it('sends each command, to be answered with Buffers', async () => {
    const client = { sendCommand: sinon.fake(answer) }
    expect(
      await fromNodeRedis(client).send([
        ['GET', 'a'],
        ['EXISTS', 'b'],
      ]),
    ).to.deep.equal([[Buffer.from('{"cookie":{}}')], [1]])
    expect(client.sendCommand.args).to.deep.equal([
      [['GET', 'a'], asBuffers],
      [['EXISTS', 'b'], asBuffers],
    ])
  })

  it('puts an error in its place', async () => {
    const reply = new Error('WRONGTYPE')
    const sendCommand = async ([name]: unknown[]) => {
      if (name === 'GET') throw reply
      return 1
    }
    const replies = await fromNodeRedis({ sendCommand }).send([
      ['GET', 'a'],
      ['EXISTS', 'b'],
    ])
    expect(replies).to.deep.equal([[reply], [1]])
  })

  it('tells a cluster the key of each command', async () => {
    const cluster = {
      masters: [],
      nodeClient: () => undefined,
      sendCommand: sinon.fake((_key: unknown, _isReadonly: unknown, command: unknown[]) =>
        answer(command),
      ),
    }
    const store = new SolidisStore({ client: fromNodeRedis(cluster) })
    await store.set('1', data())
    await store.exists('1')
    await change(store)
    const sent = cluster.sendCommand.args.map(([key, isReadonly, command]) => [
      command[0],
      key,
      isReadonly,
    ])
    expect(sent).to.deep.equal(
      ['SET', 'EXISTS', 'GET', 'PTTL', 'EVALSHA', 'EVAL'].map((name) => [name, 'sess:1', false]),
    )
    expect(cluster.sendCommand.args.every((args: unknown[]) => args[3] !== undefined)).to.equal(
      true,
    )
  })

  it('scans every master of a cluster', async () => {
    const nodes = [{ sendCommand: sinon.fake(answer) }, { sendCommand: sinon.fake(answer) }]
    const cluster: NodeRedisCluster = {
      masters: [0, 1],
      nodeClient: async (master: number) => nodes[master],
      sendCommand: () => Promise.reject(new Error('not here')),
    }
    expect(await new SolidisStore({ client: fromNodeRedis(cluster) }).ids()).to.deep.equal(['1'])
    for (const { sendCommand } of nodes) {
      expect(sendCommand.args.map(([command]) => command[0])).to.deep.equal(['SCAN'])
    }
  })
})

describe('fromIoredis', () => {
  it('calls each command, to be answered with Buffers', async () => {
    const client = { callBuffer: sinon.fake((name: string) => answer([name])) }
    expect(
      await fromIoredis(client).send([
        ['GET', 'a'],
        ['EXISTS', 'b'],
      ]),
    ).to.deep.equal([[Buffer.from('{"cookie":{}}')], [1]])
    expect(client.callBuffer.args).to.deep.equal([
      ['GET', ['a']],
      ['EXISTS', ['b']],
    ])
  })

  it('forgets the command that an error carries', async () => {
    const cause = Object.assign(new Error('OOM'), { command: { name: 'set', args: ['hunter2'] } })
    const client = fromIoredis({ callBuffer: () => Promise.reject(cause) })
    const error = await rejection(new SolidisStore({ client }).set('1', data()))
    expect(error.cause).to.equal(cause)
    expect(cause).not.to.have.property('command')
  })

  it('makes an Error of what is none', async () => {
    const client = fromNodeRedis({ sendCommand: () => Promise.reject('closed') })
    const error = await rejection(new SolidisStore({ client }).get('1'))
    expect(error.message).to.equal('GET failed: closed')
  })

  it('scans every master of a cluster', async () => {
    const node = () => ({ callBuffer: sinon.fake((name: string) => answer([name])) })
    const masters = [node(), node()]
    const cluster = {
      isCluster: true as const,
      callBuffer: () => Promise.reject(new Error('not here')),
      nodes: sinon.fake((_role: 'master'): IoredisClient[] => masters),
    }
    expect(await new SolidisStore({ client: fromIoredis(cluster) }).length()).to.equal(1)
    expect(cluster.nodes.args).to.deep.equal([['master']])
    for (const { callBuffer } of masters) {
      expect(callBuffer.args.map(([name]) => name)).to.deep.equal(['SCAN'])
    }
  })
})
