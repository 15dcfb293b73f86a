import { AsyncLocalStorage } from 'node:async_hooks'
import { subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel'
import { expect } from 'chai'
import type { CallTrace, SolidisStore } from '../../lib/index.ts'
import { CALL_EVENTS, listen, type Published } from '../support/channels.ts'
import { eventually } from '../support/eventually.ts'
import { Gate } from '../support/gate.ts'
import { ask, data, open, save } from '../support/requests.ts'
import { failingClient, silentClient, stubClient } from '../support/stub.ts'
import { SID, useStores } from '../support/two-sessions.ts'

const CALLS = CALL_EVENTS.map((event) => `tracing:connect-solidis:call:${event}`)

describe('the channels of connect-solidis:call', () => {
  const { client, key, makeStore, twoSessions, twoStores } = useStores()
  let heard: ReturnType<typeof listen>

  beforeEach(() => {
    heard = listen(CALLS)
  })
  afterEach(() => heard.stop())

  /** What is told of a call, or of the last of several. */
  async function told(call: () => Promise<unknown>): Promise<CallTrace> {
    await call().catch(() => {})
    return heard.calls<CallTrace>().at(-1) as CallTrace
  }

  const size = async () => Buffer.byteLength(String(await ask(client, 'GET', key())))

  it('tell of what was read and written, and how long it is', async () => {
    const store = makeStore()
    const rest = { retries: 0, merges: 0, asked: true }
    const none = await told(() => store.get(SID))
    expect(none).to.deep.equal({ method: 'get', outcome: 'none', ...rest })
    const written = await told(() => store.set(SID, data({ name: 'ö' })))
    const bytes = await size()
    expect(written).to.deep.equal({ method: 'set', outcome: 'written', bytes, ...rest })
    const found = await told(() => store.get(SID))
    expect(found).to.deep.equal({ method: 'get', outcome: 'found', bytes, ...rest })
    const updated = await told(() =>
      store.update(SID, (session) => Object.assign(session, { n: 1 })),
    )
    expect(updated).to.deep.equal({
      method: 'update',
      outcome: 'written',
      bytes: await size(),
      ...rest,
    })
  })

  it('tell of what became of each method', async () => {
    const store = makeStore({ indexBy: () => 'ann' })
    await store.set(SID, data())
    const [session, late] = [await open(store, SID), await open(store, SID)]
    const outcomeOf = async (call: () => Promise<unknown>) => {
      const { method, outcome, asked } = await told(call)
      expect(asked, method).to.equal(true)
      return `${method} ${outcome}`
    }
    expect([
      await outcomeOf(() => store.exists(SID)),
      await outcomeOf(() => store.touch(SID, session)),
      await outcomeOf(() => store.update(SID, () => {})),
      await outcomeOf(() => store.update('nobody', () => {})),
      await outcomeOf(() => store.all()),
      await outcomeOf(() => store.length()),
      await outcomeOf(() => store.ids()),
      await outcomeOf(() => store.findBy('ann')),
      await outcomeOf(() => store.reindex()),
      await outcomeOf(() => store.destroy(SID)),
      await outcomeOf(() => store.set(SID, late)),
      await outcomeOf(() => store.touch(SID, late)),
      await outcomeOf(() => store.exists(SID)),
      await outcomeOf(() => store.destroyBy('ann')),
      await outcomeOf(() => store.clear()),
    ]).to.deep.equal([
      'exists found',
      'touch done',
      'update spared',
      'update none',
      'all done',
      'length done',
      'ids done',
      'findBy done',
      'reindex done',
      'destroy done',
      'set gone',
      'touch gone',
      'exists none',
      'destroyBy done',
      'clear done',
    ])
  })

  it('tell of what is no session', async () => {
    const store = makeStore()
    await store.set(SID, data())
    const session = await open(store, SID)
    for (const payload of ['no JSON', '{"cookie":{},"$solidis":"1.another"}']) {
      await ask(client, 'SET', key(), payload)
      const { outcome, code, bytes } = await told(() => store.get(SID))
      expect({ outcome, code, bytes }).to.deep.equal({
        outcome: 'invalid',
        code: undefined,
        bytes: payload.length,
      })
      Object.assign(session, { payload })
      expect(await told(() => save(session))).to.include({ method: 'set', outcome: 'invalid' })
    }
    await ask(client, 'UNLINK', key())
    await ask(client, 'RPUSH', key(), 'a list')
    expect(await told(() => store.get(SID))).to.include({ outcome: 'invalid' })
  })

  it('count what was lost against others, and merged with them', async () => {
    const { ours, theirs } = await twoSessions({})
    await save(Object.assign(theirs, { theirs: 1 }))
    expect(await told(() => save(Object.assign(ours, { ours: 1 })))).to.include({
      outcome: 'written',
      retries: 1,
      merges: 1,
    })
    const [store, other] = await twoStores({}, { onConflict: 'reject' })
    const sessions = [await open(store, SID), await open(other, SID)] as const
    await save(Object.assign(sessions[0], { a: 1 }))
    const rejected = await told(() => save(Object.assign(sessions[1], { a: 2 })))
    expect(rejected).to.deep.include({
      outcome: 'failed',
      code: 'ECONFLICT',
      error: { name: 'SessionConflictError', code: 'ECONFLICT' },
      retries: 1,
      merges: 0,
    })
  })

  it('count for each of the writes that go together', async () => {
    const gate = new Gate()
    const store = makeStore({ client: gate.wrap(client) })
    await store.set(SID, data())
    const sessions = await Promise.all([1, 2, 3].map(() => open(store, SID)))
    gate.close()
    const saved = sessions.map((session, i) => save(Object.assign(session, { [`n${i}`]: i })))
    await gate.holds(1)
    heard.published.length = 0
    await gate.open()
    await Promise.all(saved)
    const merges = heard.calls<CallTrace>().map(({ merges, asked }) => ({ merges, asked }))
    expect(merges).to.deep.equal([0, 1, 1].map((merges) => ({ merges, asked: true })))
  })

  it('say whether Redis was asked', async () => {
    const asked = async (call: () => Promise<unknown>) => {
      const { outcome, code, asked } = await told(call)
      return [asked, outcome, code]
    }
    const store = makeStore({ touchAfter: 60 })
    await store.set(SID, data())
    const session = await open(store, SID)
    expect(await asked(() => store.touch(SID, session))).to.deep.equal([false, 'spared', undefined])
    const mistaken = ['failed', 'ERR_INVALID_ARG_TYPE']
    expect(await asked(() => store.get(1 as never))).to.deep.equal([false, ...mistaken])
    expect(await asked(() => store.findBy('ann'))).to.deep.equal([false, ...mistaken])
    const signal = AbortSignal.abort()
    expect(await asked(() => store.ids({ signal }))).to.deep.equal([false, 'failed', 'EAPP'])

    const full = makeStore({ client: silentClient(), maxPending: 1 })
    full.get(SID, () => {})
    expect(await asked(() => full.get(SID))).to.deep.equal([false, 'failed', 'EOVERLOAD'])
    const broken = makeStore({
      client: failingClient(Object.assign(new Error('lost'), { code: 'ECONNRESET' })),
      breaker: true,
    })
    expect(await asked(() => broken.get(SID))).to.deep.equal([true, 'failed', 'ECONNRESET'])
    await eventually(async () => {
      await broken.get(SID).catch(() => {})
      return broken.state === 'open'
    })
    expect(await asked(() => broken.get(SID))).to.deep.equal([false, 'failed', 'EBREAKER'])
    const slow = makeStore({ client: silentClient(), timeout: 1 })
    expect(await asked(() => slow.get(SID))).to.deep.equal([true, 'failed', 'ETIMEDOUT'])
  })

  it('say no more of an error than its code', async () => {
    const store = makeStore()
    await store.set(SID, data())
    const error = Object.assign(new RangeError('secret'), { name: 'secret', code: 'SECRET' })
    const fail = () => {
      throw error
    }
    const context = await told(() => store.update(SID, fail))
    expect(context.error).to.deep.equal({ name: 'Error', code: 'EAPP' })
    const odd = makeStore({ client: failingClient(Object.assign(new Error(), { code: 'a sid' })) })
    const told2 = await told(() => odd.get(SID))
    expect(told2.error).to.deep.equal({ name: 'RedisError', code: 'EREDIS' })
  })

  it('say of a touch that it failed, though its callback is told of no error', async () => {
    const store = makeStore({ client: failingClient(new Error('lost')) })
    const touched = () =>
      new Promise<void>((resolve, reject) => {
        store.touch(SID, data(), (error) => (error === null ? resolve() : reject(error)))
      })
    expect(await told(touched)).to.include({ method: 'touch', outcome: 'failed' })
  })

  it('tell of a call in the order of a TracingChannel, by one object', async () => {
    const store = makeStore()
    const during: string[] = []
    const names = () => heard.published.map(({ name }: Published) => name)
    const called = new Promise<void>((resolve) => {
      store.get(SID, () => {
        during.push(...names())
        setImmediate(resolve)
      })
    })
    expect(names()).to.deep.equal(['start', 'end'])
    expect(heard.published[0]?.message).to.deep.equal({
      method: 'get',
      retries: 0,
      merges: 0,
      asked: false,
    })
    await called
    expect(during).to.deep.equal(['start', 'end', 'asyncStart'])
    expect(names()).to.deep.equal(['start', 'end', 'asyncStart', 'asyncEnd'])
    expect(new Set(heard.published.map(({ message }) => message))).to.have.property('size', 1)

    heard.published.length = 0
    await store.get(1 as never).catch(() => {})
    expect(names()).to.deep.equal(['start', 'error', 'asyncStart', 'asyncEnd', 'end'])
  })

  it('end also for a callback that throws', async () => {
    const listeners = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    const thrown = new Promise((resolve) => process.once('uncaughtException', resolve))
    makeStore().get(SID, () => {
      throw new Error('of the callback')
    })
    expect(await thrown).to.have.property('message', 'of the callback')
    for (const listener of listeners) process.on('uncaughtException', listener)
    expect(heard.published.at(-1)?.name).to.equal('asyncEnd')
  })

  it('change nothing once a call is over', async () => {
    await makeStore().set(SID, data())
    const gate = new Gate(true)
    const store = makeStore({ client: gate.wrap(client), timeout: 1 })
    const context = await told(() => store.get(SID))
    const before = { ...context }
    await gate.open()
    expect(context).to.deep.equal(before)
  })

  it('tell nothing of a call that began while nobody listened, and cost it nothing', async () => {
    heard.stop()
    const gate = new Gate(true)
    const store = makeStore({ client: gate.wrap(client) })
    const reading = store.get(SID)
    heard = listen(CALLS)
    await gate.open()
    await reading
    expect(heard.published).to.deep.equal([])
  })

  it('tell nothing where only the other channels are listened to', async () => {
    heard.stop()
    const names: unknown[] = []
    const onGone = (_message: unknown, name: unknown) => names.push(name)
    subscribe('connect-solidis:gone', onGone)
    const store: SolidisStore = makeStore()
    await store.set(SID, data())
    const session = await open(store, SID)
    await store.destroy(SID)
    await store.set(SID, session)
    unsubscribe('connect-solidis:gone', onGone)
    expect(names).to.deep.equal(['connect-solidis:gone'])
  })
})

describe('a call in its async context', () => {
  const { makeStore } = useStores()
  const caller = new AsyncLocalStorage<string>()
  const span = new AsyncLocalStorage<unknown>()
  const { start } = tracingChannel('connect-solidis:call')

  before(() => start.bindStore(span))
  after(() => start.unbindStore(span))

  it('has what subscribers bind to it, down to the client; who is called back does not', async () => {
    const seen: unknown[] = []
    const { send } = stubClient()
    const store = makeStore({
      client: {
        send(commands) {
          seen.push([caller.getStore(), (span.getStore() as CallTrace | undefined)?.method])
          return send(commands)
        },
      },
    })
    const begun: unknown[] = []
    const onStart = () => begun.push(caller.getStore())
    start.subscribe(onStart)
    await caller.run('ann', async () => {
      await new Promise<void>((resolve) => {
        store.get(SID, () => {
          seen.push([caller.getStore(), span.getStore()])
          resolve()
        })
      })
      await store.exists(SID)
      seen.push([caller.getStore(), span.getStore()])
    })
    start.unsubscribe(onStart)
    expect(begun).to.deep.equal(['ann', 'ann'])
    expect(seen).to.deep.equal([
      ['ann', 'get'],
      ['ann', undefined],
      ['ann', 'exists'],
      ['ann', undefined],
    ])
  })
})
