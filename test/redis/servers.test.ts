import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import sinon from 'sinon'
import { type Command, type SolidisLike, SolidisStore } from '../../lib/index.ts'
import { keyOf } from '../../lib/redis/commands.ts'
import { rejection } from '../support/calls.ts'
import { eventually } from '../support/eventually.ts'

const TIMEOUT_MS = 50
const PAYLOAD = '{"cookie":{},"user":"ann"}'

/** A cluster whose nodes are called by the first letter of the ids that they have. */
class StubCluster implements SolidisLike {
  readonly pipelines = false
  readonly silent = new Set<string>()
  readonly asked: Command[] = []
  readonly reconnect = sinon.spy()
  readonly rediscover = sinon.spy()

  nodeOf(key: Command[number]): string {
    return String(key).charAt('sess:'.length)
  }

  async send(commands: Command[]): Promise<unknown[][]> {
    this.asked.push(...commands)
    const replies = commands.map(async (command) => {
      const isProbe = command[1] === 'return ARGV[1]'
      if (this.silent.has(this.nodeOf(keyOf(command) as string))) await new Promise(() => {})
      await sleep(1)
      if (isProbe) return [command[4]]
      return [command[0] === 'EXISTS' ? 1 : [command.at(-1), PAYLOAD, 1000]]
    })
    return Promise.all(replies)
  }

  probes(): Command[] {
    return this.asked.filter(([, script]) => script === 'return ARGV[1]')
  }
}

describe('the nodes of a cluster', () => {
  let cluster: StubCluster
  let store: SolidisStore
  let states: string[]

  beforeEach(() => {
    cluster = new StubCluster()
    store = new SolidisStore({ client: cluster, timeout: TIMEOUT_MS })
    states = []
    store.on('breaker', ({ state }) => states.push(state))
  })

  /** Ends the probes, which would else go on for ever. */
  afterEach(async () => {
    cluster.silent.clear()
    await eventually(async () => store.state === 'closed')
    await sleep(TIMEOUT_MS)
  })

  const codeOf = async (sid: string) =>
    store.get(sid).then(
      () => 'answered',
      (error) => error.code,
    )
  const isRefused = async (sid: string) => (await codeOf(sid)) === 'EBREAKER'

  it('have a breaker each', async () => {
    cluster.silent.add('a')
    await eventually(() => isRefused('a1'))
    expect(store.state).to.not.equal('closed')
    expect(await codeOf('a2')).to.equal('EBREAKER')
    expect(await codeOf('b1')).to.equal('answered')
    cluster.silent.clear()
    await eventually(async () => store.state === 'closed')
    expect(await codeOf('a1')).to.equal('answered')
    expect([states[0], states.at(-1)]).to.deep.equal(['open', 'closed'])
  })

  it('are each blamed for their own silence alone', async () => {
    cluster.silent.add('a')
    let areTold = false
    const told = Promise.all(['a1', 'a2', 'a3', 'a4'].map(codeOf)).then((codes) => {
      areTold = true
      return codes
    })
    // Something is in flight to the other whenever the time of a call to this one is up.
    while (!areTold) expect(await codeOf('b1')).to.equal('answered')
    expect(await told).to.include('ETIMEDOUT')
    expect(await isRefused('a1')).to.equal(true)
    expect(await codeOf('b1')).to.equal('answered')
  })

  it('are asked by a key of their own whether they answer again', async () => {
    cluster.silent.add('a')
    await eventually(() => isRefused('a1'))
    await codeOf('a7')
    await eventually(async () => cluster.probes().length > 1)
    expect(cluster.probes().at(-1)?.[3]).to.match(/^sess:a/)
    expect(cluster.rediscover.called).to.equal(true)
    await eventually(async () => cluster.reconnect.calledWith('a'))
  })

  it('are as bad as the worst', async () => {
    cluster.silent.add('a').add('b')
    await eventually(async () => (await isRefused('a1')) && (await isRefused('b1')))
    cluster.silent.delete('a')
    await eventually(async () => !(await isRefused('a1')))
    expect(store.state).to.not.equal('closed')
    expect(states).to.not.include('closed')
    cluster.silent.clear()
    await eventually(async () => store.state === 'closed')
  })

  it('are forgotten when they are gone', async () => {
    cluster.silent.add('a')
    await eventually(() => isRefused('a1'))
    // Its keys are another's by now, who is asked for them, and answers.
    cluster.nodeOf = () => 'b'
    await eventually(async () => store.state === 'closed')
    expect(await codeOf('a1')).to.equal('answered')
  })

  it('are sent each its own part of many commands', async () => {
    const replies = ['1', '2', '3', '4'].map((n, i) => `${'abab'[i]}${n}`)
    const nodes = async () => [
      {
        send: async (commands: Command[]) =>
          commands.map(() => [['0', replies.map((sid) => `sess:${sid}`)]]),
      },
    ]
    const scanned = Object.assign(cluster, { nodes })
    scanned.send = async (commands) => {
      expect(new Set(commands.map(([, key]) => cluster.nodeOf(key as string))).size).to.equal(1)
      return commands.map(([name, key]) => [
        name === 'PTTL' ? 1000 : `{"cookie":{},"user":"${key}"}`,
      ])
    }
    const all = (await store.all()) as unknown as { id: string; user: string }[]
    expect(all.map(({ id, user }) => [id, user])).to.deep.equal(
      replies.map((sid) => [sid, `sess:${sid}`]),
    )
  })

  it('fail at once together where one of them does not answer', async () => {
    cluster.silent.add('a')
    await eventually(() => isRefused('a1'))
    const nodes = async () => [
      { send: async () => [[['0', ['sess:a1', 'sess:b1']]]] as unknown[][] },
    ]
    Object.assign(cluster, { nodes })
    expect(await rejection(store.all())).to.include({ code: 'EBREAKER' })
  })
})
