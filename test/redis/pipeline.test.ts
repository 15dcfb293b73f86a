import { AsyncLocalStorage } from 'node:async_hooks'
import { setImmediate as turn } from 'node:timers/promises'
import { expect } from 'chai'
import { type Command, fromNodeRedis, SolidisStore } from '../../lib/index.ts'
import { rejection } from '../support/calls.ts'
import { runChild } from '../support/child.ts'
import { clientKinds } from '../support/clients.ts'
import { eventually } from '../support/eventually.ts'
import { freshPrefix, redisUrl } from '../support/redis.ts'
import { data, open, save, stored } from '../support/requests.ts'
import { silentClient, stubClient } from '../support/stub.ts'

/** Makes calls all at once; resolves to their numbers and turns, in the order of their answers. */
async function answers(store: SolidisStore, count: number) {
  let turns = 0
  const seen: { call: number; turn: number }[] = []
  for (let call = 0; call < count; call++) {
    store.exists(String(call), () => seen.push({ call, turn: turns }))
  }
  for (; seen.length < count; turns++) await turn()
  return seen
}

describe('calls in one tick', () => {
  it('are sent the first at once, and the others together, at the end', async () => {
    const client = stubClient(([, key]) => (key === 'sess:2' ? 1 : 0))
    const store = new SolidisStore({ client })
    const answers = ['1', '2', '3'].map((sid) => store.exists(sid))
    const keys = () => client.send.args.map(([commands]) => commands.map(([, key]) => key))
    expect(keys()).to.deep.equal([['sess:1']])
    await new Promise<void>((resolve) => process.nextTick(resolve))
    expect(keys()).to.deep.equal([['sess:1'], ['sess:2', 'sess:3']])
    expect(await Promise.all(answers)).to.deep.equal([false, true, false])
  })

  it('wait for none of the tick before', async () => {
    const client = stubClient(() => 0)
    const store = new SolidisStore({ client })
    for (let i = 1; i <= 3; i++) {
      const answer = store.exists(String(i))
      expect(client.send.callCount).to.equal(i)
      await answer
      // The reply of a stub may come before the tick has ended.
      await turn()
    }
  })

  it('are sent in several pipelines when they are many', async () => {
    const client = stubClient(() => 0)
    const store = new SolidisStore({ client })
    const answers = Array.from({ length: 150 }, (_, i) => store.exists(String(i)))
    const counts = () => client.send.args.map(([commands]) => commands.length)
    // What is full waits for nothing.
    expect(counts()).to.deep.equal([1, 64, 64])
    await Promise.all(answers)
    expect(counts()).to.deep.equal([1, 64, 64, 21])
    const sent = client.sent().map(([, key]) => key)
    expect(sent).to.deep.equal(answers.map((_, i) => `sess:${i}`))
  })

  for (const [kind, client] of [
    ['Solidis', stubClient(() => 0)],
    ['another', fromNodeRedis({ sendCommand: async () => 0 })],
  ] as const) {
    it(`are answered in their order, and in one turn, through ${kind}`, async () => {
      const seen = await answers(new SolidisStore({ client }), 200)
      expect(seen.map(({ call }) => call)).to.deep.equal([...Array(200).keys()])
      expect(new Set(seen.map(({ turn }) => turn)).size).to.equal(1)
    })
  }

  it('are answered although the callback of another throws', async () => {
    const printed = await runChild(`
      const client = { send: async (commands) => commands.map(() => [1]) }
      const store = new SolidisStore({ client })
      const thrown = []
      process.on('uncaughtException', (error) => thrown.push(error.message))
      let answered = 0
      for (let i = 0; i < 100; i++) {
        store.exists(String(i), () => {
          answered++
          if (i % 10 === 0) throw new Error('mine')
        })
      }
      process.on('exit', () => console.log(answered, thrown.join()))`)
    expect(printed).to.equal(`100 ${Array(10).fill('mine').join()}`)
  })

  it('all fail where the client does not give one reply a command', async () => {
    const client = stubClient()
    client.send.resolves([[1]])
    const store = new SolidisStore({ client })
    const [alone, ...errors] = await Promise.all([
      store.exists('0'),
      ...[store.exists('1'), store.get('2')].map((call) => rejection(call)),
    ])
    expect(alone).to.equal(true)
    expect(errors[0]?.message).to.match(/^EXISTS failed: .*one reply a command/)
    expect(errors[1]?.message).to.match(/^GET failed: .*one reply a command/)
  })

  it('do not fail by what Redis refuses another, if the client rejects all then', async () => {
    const sent: string[][] = []
    const client = {
      async send(commands: Command[]) {
        sent.push(commands.map(([name, key]) => `${name} ${key}`))
        if (commands.some(([, key]) => key === 'sess:bad')) throw new Error('WRONGTYPE Operation')
        return commands.map(() => [1])
      },
    }
    const store = new SolidisStore({ client })
    for (const first of ['0', 'bad']) {
      const alone = store.exists(first).catch(({ code }) => code)
      const bad = rejection(store.exists('bad'))
      expect(await Promise.all([store.exists('1'), store.exists('2')])).to.deep.equal([true, true])
      expect(await bad).to.include({ command: 'EXISTS', code: 'WRONGTYPE' })
      expect(await alone).to.equal(first === 'bad' ? 'WRONGTYPE' : true)
      const keys = ['bad', '1', '2'].map((sid) => `EXISTS sess:${sid}`)
      expect(sent.splice(0)).to.deep.equal([
        [`EXISTS sess:${first}`],
        keys,
        ...keys.map((key) => [key]),
      ])
    }
  })

  it('all fail where the client cannot deliver what is sent again, one by one', async () => {
    const send = async (commands: Command[]) => {
      if (commands[0]?.[1] === 'sess:0') return [[1]]
      throw new Error(commands.length > 1 ? 'WRONGTYPE Operation' : 'gone')
    }
    const store = new SolidisStore({ client: { send } })
    const [alone, ...errors] = await Promise.all([
      store.exists('0'),
      ...['1', '2'].map((sid) => rejection(store.exists(sid))),
    ])
    expect(alone).to.equal(true)
    for (const error of errors) {
      expect(error).to.include({ code: 'EREDIS', message: 'EXISTS failed: gone' })
    }
  })

  it('all fail where the client cannot deliver', async () => {
    const client = stubClient()
    client.send
      .onFirstCall()
      .resolves([[1]])
      .onSecondCall()
      .rejects(new Error('closed'))
    const store = new SolidisStore({ client })
    const [alone, ...errors] = await Promise.all([
      store.exists('0'),
      ...['1', '2'].map((sid) => rejection(store.exists(sid))),
    ])
    expect(alone).to.equal(true)
    for (const error of errors) {
      expect(error).to.include({ code: 'EREDIS', message: 'EXISTS failed: closed' })
    }
    expect(client.send.callCount).to.equal(2)
  })

  it('do not fail with the first of them', async () => {
    const client = stubClient(() => 1)
    client.send.onFirstCall().rejects(new Error('closed'))
    const store = new SolidisStore({ client, breaker: false })
    const alone = rejection(store.exists('0'))
    expect(await Promise.all([store.exists('1'), store.exists('2')])).to.deep.equal([true, true])
    expect(await alone).to.include({ code: 'EREDIS', message: 'EXISTS failed: closed' })
  })

  it('are sent from the context of the first of a pipeline', async () => {
    const context = new AsyncLocalStorage<number>()
    const contexts: unknown[] = []
    const send = async (commands: Command[]) => {
      contexts.push(context.getStore())
      return commands.map(() => [1])
    }
    const store = new SolidisStore({ client: { send } })
    const calls = Array.from({ length: 70 }, (_, i) => context.run(i, () => store.exists('1')))
    await Promise.all(calls)
    expect(contexts).to.deep.equal([0, 1, 65])
  })

  it('are sent one by one, each from its own context, through a client of another kind', () => {
    const context = new AsyncLocalStorage<number>()
    const contexts: unknown[] = []
    const sendCommand = async () => {
      contexts.push(context.getStore())
      return 1
    }
    const store = new SolidisStore({ client: fromNodeRedis({ sendCommand }) })
    for (const i of [1, 2, 3]) context.run(i, () => store.exists('1', () => {}))
    expect(contexts).to.deep.equal([1, 2, 3])
  })
})

describe('the async context of a caller', () => {
  const context = new AsyncLocalStorage<number>()
  const COUNT = 100

  /** Calls back many calls, each from a context of its own; resolves to the contexts of the callbacks. */
  async function contexts(call: (i: number, done: () => void) => void): Promise<unknown[]> {
    const seen: unknown[] = []
    for (let i = 0; i < COUNT; i++) {
      context.run(i, () => call(i, () => seen.push(context.getStore())))
    }
    await eventually(async () => seen.length >= COUNT)
    return seen.sort((a, b) => Number(a) - Number(b))
  }
  const own = Array.from({ length: COUNT }, (_, i) => i)

  for (const kind of clientKinds) {
    describe(`over ${kind.name}`, () => {
      let store: SolidisStore
      let close: () => void

      before(async function () {
        if (kind.missing) return this.skip()
        const test = await kind.connect()
        close = test.close
        store = new SolidisStore({ client: test.client, prefix: freshPrefix() })
      })
      after(() => close?.())

      it('is that of its callback', async () => {
        expect(await contexts((i, done) => store.set(String(i), data(), done))).to.deep.equal(own)
        expect(await contexts((i, done) => store.get(String(i), done))).to.deep.equal(own)
        expect(await contexts((i, done) => store.touch(String(i), data(), done))).to.deep.equal(own)
        expect(await contexts((i, done) => store.destroy(String(i), done))).to.deep.equal(own)
      })

      it('is that of its callback, too, where writes are merged', async () => {
        await store.set('hot', data({ n: 0 }))
        const sessions = await Promise.all(own.map(() => open(store, 'hot')))
        for (const i of own) Object.assign(sessions[i] as object, { [`n${i}`]: i })
        const saves = contexts((i, done) => sessions[i]?.save(done))
        expect(await saves).to.deep.equal(own)
        expect(Object.keys((await stored(store, 'hot')) as object)).to.have.length(COUNT + 1)
      })
    })
  }

  it('is that of its callback when the time is over', async () => {
    const store = new SolidisStore({ client: silentClient(), timeout: 20 })
    expect(await contexts((i, done) => store.get(String(i), done))).to.deep.equal(own)
  })
})

describe('a Solidis client that rejects where Redis refuses a command', () => {
  it('is no obstacle', async function () {
    const module = '@vcms-io/solidis'
    const solidis = await import(module).catch(() => undefined)
    if (solidis === undefined) return this.skip()
    const client = new solidis.SolidisClient({
      uri: redisUrl(),
      rejectOnPartialPipelineError: true,
    })
    await client.connect()
    try {
      const prefix = freshPrefix()
      const store = new SolidisStore({ client, prefix })
      await client.send([
        ['SCRIPT', 'FLUSH'],
        ['LPUSH', `${prefix}list`, 'x'],
      ])
      await Promise.all([store.set('1', data({ n: 0 })), store.set('2', data({ n: 0 }))])
      const bad = store.get('list')
      const [one, two] = await Promise.all([open(store, '1'), open(store, '2')])
      expect(await bad).to.equal(null)
      await Promise.all([save(Object.assign(one, { n: 1 })), save(Object.assign(two, { n: 2 }))])
      expect(await stored(store, '1')).to.deep.equal({ n: 1 })
      expect(await stored(store, '2')).to.deep.equal({ n: 2 })
    } finally {
      client.quit()
    }
  })
})
