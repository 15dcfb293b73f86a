import { execFileSync } from 'node:child_process'
import { setImmediate as turn } from 'node:timers/promises'
import { expect } from 'chai'
import sinon from 'sinon'
import { SolidisStore, type SolidisStoreOptions } from '../../lib/index.ts'
import { rejection } from '../support/calls.ts'
import { clientKinds } from '../support/clients.ts'
import { expireCalls } from '../support/faults.ts'
import { Gate, recording } from '../support/gate.ts'
import { withoutNative } from '../support/native.ts'
import { freshPrefix, redisUrl } from '../support/redis.ts'
import { type Data, data, open, save, stored } from '../support/requests.ts'
import { isRead } from '../support/scripts.ts'
import { silentClient, stubClient } from '../support/stub.ts'
import { add, SID, useStores } from '../support/two-sessions.ts'

const TIMEOUT = 5000

describe('very many calls that expire at once', () => {
  it('are told in several turns, between which others get theirs', async () => {
    const COUNT = 3000
    const store = new SolidisStore({ client: silentClient(), timeout: 20 })
    let told = 0
    for (let i = 0; i < COUNT; i++) store.get(String(i), () => told++)
    const each: number[] = []
    while (told < COUNT) {
      const before = told
      await turn()
      each.push(told - before)
    }
    expect(Math.max(...each)).to.be.at.most(200)
  })
})

/** Lets nothing happen in this process for so long, and until Redis has answered others, too. */
function blockUntilRedisHasAnswered(ms: number): void {
  const end = Date.now() + ms
  const { hostname, port } = new URL(redisUrl())
  const script = `require('node:net')
    .connect(${port || 6379}, '${hostname}', function () { this.write('PING\\r\\n') })
    .on('data', () => process.exit())`
  execFileSync(process.execPath, ['--eval', script])
  while (Date.now() < end);
}

describe('a process that was busy for longer than timeout', () => {
  for (const kind of clientKinds) {
    it(`reads the answers that are there, over ${kind.name}`, async function () {
      if (kind.missing) return this.skip()
      const { client, close } = await kind.connect()
      try {
        const store = new SolidisStore({ client, prefix: freshPrefix(), timeout: 200 })
        await store.set(SID, data({ a: 1 }))
        const session = await open(store, SID)
        await save(Object.assign(session, { a: 2 }))
        const calls = [save(Object.assign(session, { a: 3 })), store.exists('none'), store.ids()]
        // Time for them to be sent.
        for (let left = 10; left > 0; left--) await turn()
        blockUntilRedisHasAnswered(500)
        expect(await Promise.all(calls)).to.deep.equal([undefined, false, [SID]])
        expect(await stored(store, SID)).to.deep.equal({ a: 3 })
      } finally {
        close()
      }
    })
  }
})

it('no call is told to have failed before its time, while Redis would still write', async () => {
  const store = new SolidisStore({ client: silentClient(), timeout: 50, breaker: false })
  const took = await Promise.all(
    Array.from({ length: 100 }, async (_, i) => {
      for (let left = i; left > 0; left--) await turn()
      const beganAt = performance.now()
      await rejection(store.destroy(SID + i))
      return performance.now() - beganAt
    }),
  )
  expect(Math.min(...took)).to.be.at.least(50)
})

describe('the time of a call', () => {
  const { client, key, makeStore } = useStores()
  let clock: sinon.SinonFakeTimers

  beforeEach(() => {
    clock = sinon.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  })
  afterEach(() => clock.restore())

  const never = () => new Promise<never>(() => {})

  async function expectTimeout(call: Promise<unknown>): Promise<void> {
    const failed = rejection(call)
    await expireCalls(clock, TIMEOUT)
    expect(await failed).to.include({ code: 'ETIMEDOUT' })
  }

  /** A store of which the only session is loaded, over a gate that is closed from then on. */
  async function behindGate(options: Partial<SolidisStoreOptions> = {}) {
    const gate = new Gate()
    const store = makeStore({
      client: withoutNative(gate.wrap(client)),
      timeout: TIMEOUT,
      ...options,
    })
    await store.set(SID, data({ a: 1 }))
    const session = (await store.get(SID)) as Data
    gate.close()
    return { gate, store, session }
  }

  it('includes what it waits for others, and none is sent of what has failed so', async () => {
    const { gate, store, session } = await behindGate()
    const calls = [
      store.set(SID, Object.assign(session, { a: 2 })),
      store.set(SID, Object.assign(session, { a: 3 })),
      store.update(SID, add),
      store.touch(SID, session),
      store.get(SID),
      store.exists(SID),
      store.destroy(SID),
      store.set(SID, data({ a: 4 })),
    ]
    const outcomes = Promise.allSettled(calls)
    await gate.holds(1)
    await expireCalls(clock, TIMEOUT)
    for (const outcome of await outcomes) {
      expect(outcome).to.have.nested.property('reason.code', 'ETIMEDOUT')
    }
    const sent = gate.held.flatMap(({ commands }) => commands)
    // What only reads does no harm.
    const writes = sent.filter((command) => !isRead(command))
    expect(writes.map(([name]) => name)).to.deep.equal(['EVALSHA'])
    await gate.open()
    await store.set('another', data())
    expect(await stored(store, SID)).to.deep.equal({ a: 2 })
  })

  it('includes that of the serializer, whose payload is not sent when it comes late', async () => {
    let finish = (_text: string) => {}
    const serializer = {
      parse: JSON.parse,
      stringify: () =>
        new Promise<string>((resolve) => {
          finish = resolve
        }),
    }
    const counted = recording(client)
    const store = makeStore({ client: counted, serializer, timeout: TIMEOUT })
    await expectTimeout(store.set(SID, data({ a: 1 })))
    finish('{"cookie":{}}')
    await turn()
    expect(counted.trips).to.deep.equal([])
    expect(await store.exists(SID)).to.equal(false)
  })

  it('includes that of the serializer which reads', async () => {
    await makeStore().set(SID, data())
    const serializer = { parse: never, stringify: JSON.stringify }
    const store = makeStore({ serializer, timeout: TIMEOUT })
    const failed = rejection(store.get(SID))
    await makeStore().get(SID)
    await expireCalls(clock, TIMEOUT)
    expect(await failed).to.include({ code: 'ETIMEDOUT' })
  })

  it('includes that of a change, which is not heeded when it comes late', async () => {
    let finish = () => {}
    const late = new Promise<void>((resolve) => {
      finish = resolve
    })
    const store = makeStore({ timeout: TIMEOUT })
    await store.set(SID, data())
    let isAsked = false
    const failed = rejection(
      store.update(SID, async (session) => {
        isAsked = true
        await late
        add(session)
      }),
    )
    while (!isAsked) await turn()
    await expireCalls(clock, TIMEOUT)
    expect(await failed).to.include({ code: 'ETIMEDOUT' })
    finish()
    await turn()
    expect(await stored(store, SID)).to.deep.equal({})
    await store.update(SID, add)
    expect(await stored(store, SID)).to.deep.equal({ count: 1 })
  })

  it('includes all attempts at a session that changes again and again', async () => {
    let attempts = 0
    const contested = makeStore({
      timeout: TIMEOUT,
      client: withoutNative({
        async send(commands) {
          if (commands.every(isRead)) return client.send(commands)
          const theirs = JSON.stringify(data({ theirs: attempts++ }))
          await client.send([['SET', key(), theirs]])
          if (attempts === 5) await expireCalls(clock, TIMEOUT)
          return client.send(commands)
        },
      }),
    })
    await contested.set(SID, data())
    sinon.stub(Math, 'random').returns(0)
    try {
      const session = (await contested.get(SID)) as Data
      const error = await rejection(contested.set(SID, Object.assign(session, { a: 2 })))
      expect(error).to.include({ code: 'ETIMEDOUT' })
      await makeStore().get(SID)
      await turn()
      expect(attempts).to.equal(5)
    } finally {
      sinon.restore()
    }
  })

  it('begins anew for each answer in a walk', async () => {
    const pages = stubClient(([name, cursor]) => {
      if (name !== 'SCAN') return 1
      return [String((Number(cursor) + 1) % 4), [Buffer.from(`sess:${cursor}`)]]
    })
    const slow = {
      async send(commands: Parameters<typeof pages.send>[0]) {
        await clock.tickAsync(TIMEOUT - 1)
        return pages.send(commands)
      },
    }
    const store = new SolidisStore({ client: slow, timeout: TIMEOUT })
    expect(await store.ids()).to.deep.equal(['0', '1', '2', '3'])
    await store.clear()
    for (const walk of ['all', 'ids', 'length', 'clear'] as const) {
      await expectTimeout(new SolidisStore({ client: silentClient(), timeout: TIMEOUT })[walk]())
    }
  })
})
