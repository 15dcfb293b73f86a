import { setImmediate as turn } from 'node:timers/promises'
import { expect } from 'chai'
import sinon from 'sinon'
import { RedisError, SolidisStore } from '../../lib/index.ts'
import { calls, rejection } from '../support/calls.ts'
import { runChild } from '../support/child.ts'
import { silentClient } from '../support/stub.ts'

describe('time limit', () => {
  let clock: sinon.SinonFakeTimers
  beforeEach(() => {
    clock = sinon.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  })
  afterEach(() => clock.restore())

  /** Whether it has been rejected yet. */
  function watch(promise: Promise<unknown>) {
    const watched = { settled: false }
    const settle = () => {
      watched.settled = true
    }
    promise.then(settle, settle)
    return watched
  }

  /** Lets time pass, and the turns for which a deadline waits for answers that are there already. */
  async function pass(ms: number): Promise<void> {
    await clock.tickAsync(ms)
    for (let left = 12; left > 0; left--) await turn()
  }

  for (const [method, command, call] of calls) {
    it(`rejects ${method} when a client never answers`, async () => {
      const promise = call(new SolidisStore({ client: silentClient(), timeout: 200 }))
      const failed = rejection(promise)
      const watched = watch(promise)
      await pass(199)
      expect(watched.settled).to.equal(false)
      await pass(1)
      const error = await failed
      expect(error).to.be.instanceOf(RedisError)
      expect(error).to.include({ command, code: 'ETIMEDOUT' })
      expect(error.message).to.equal(`${command} failed: no answer within 200 ms`)
    })
  }

  it('reaches a callback', async () => {
    const callback = sinon.spy()
    new SolidisStore({ client: silentClient(), timeout: 200 }).get('1', callback)
    await pass(1000)
    expect(callback.callCount).to.equal(1)
    expect(callback.args[0]?.[0]).to.include({ code: 'ETIMEDOUT' })
  })

  it('is five seconds by default', async () => {
    const watched = watch(new SolidisStore({ client: silentClient() }).get('1'))
    await pass(4999)
    expect(watched.settled).to.equal(false)
    await pass(1)
    expect(watched.settled).to.equal(true)
  })

  it('leaves no timer behind, whether a call is answered, fails or expires', async () => {
    // In a process of its own, where nobody else has timers.
    const left = await runChild(`
      const answers = [Promise.resolve([[1]]), Promise.reject(new Error('down'))]
      const client = { send: () => answers.shift() ?? new Promise(() => {}) }
      const timers = () => process.getActiveResourcesInfo().filter((each) => each === 'Timeout').length
      const store = new SolidisStore({ client, timeout: 50, breaker: false })
      const before = timers()
      await store.exists('1')
      const codes = []
      const failed = ({ code }) => codes.push(code)
      await store.exists('2').catch(failed)
      await store.get(5).catch(failed)
      const between = timers() - before
      const silent = Array.from({ length: 100 }, (_, i) => store.get(String(i)))
      const meanwhile = timers() - before
      await Promise.all(silent.map((call) => call.catch(failed)))
      console.log(between, meanwhile, timers() - before, new Set(codes).size, codes.length)`)
    expect(left).to.equal('0 100 0 3 102')
  })

  it('counts from the beginning of each call', async () => {
    const store = new SolidisStore({ client: silentClient(), timeout: 200 })
    const watched: ReturnType<typeof watch>[] = []
    for (let i = 0; i < 4; i++) {
      watched.push(watch(store.get(String(i))))
      await pass(50)
    }
    const settled = () => watched.map(({ settled }) => settled)
    expect(settled()).to.deep.equal([true, false, false, false])
    await pass(49)
    expect(settled()).to.deep.equal([true, false, false, false])
    await pass(1)
    expect(settled()).to.deep.equal([true, true, false, false])
    await pass(100)
    expect(settled()).to.deep.equal([true, true, true, true])
  })

  it('is not counted from calls that were answered', async () => {
    const client = silentClient()
    client.send.onFirstCall().resolves([[1]])
    const store = new SolidisStore({ client, timeout: 200, breaker: false })
    expect(await store.exists('1')).to.equal(true)
    await pass(150)
    const watched = watch(store.exists('1'))
    await pass(199)
    expect(watched.settled).to.equal(false)
    await pass(1)
    expect(watched.settled).to.equal(true)
  })

  it('holds for calls around one that was answered', async () => {
    const client = silentClient()
    client.send.onSecondCall().resolves([[1]])
    const store = new SolidisStore({ client, timeout: 200, breaker: false })
    const first = watch(store.exists('1'))
    await turn()
    expect(await store.exists('2')).to.equal(true)
    const third = watch(store.exists('3'))
    await pass(200)
    expect([first.settled, third.settled]).to.deep.equal([true, true])
  })

  it('makes an answer that comes later count for nothing', async () => {
    let answer = (_error: Error) => {}
    const client = silentClient()
    client.send.returns(
      new Promise((_resolve, reject) => {
        answer = reject
      }),
    )
    const failed = rejection(new SolidisStore({ client, timeout: 200, breaker: false }).get('1'))
    await pass(200)
    expect(await failed).to.include({ code: 'ETIMEDOUT' })
    answer(new Error('too late'))
    await pass(200)
  })
})

describe('a process', () => {
  it('may end when its calls are answered, however long they might have taken', async () => {
    const printed = await runChild(`
      const client = { send: async (commands) => commands.map(() => [1]) }
      const store = new SolidisStore({ client, timeout: 2 ** 31 - 1 })
      await store.exists('1')
      await Promise.all([store.exists('1'), store.exists('2')])
      console.log('answered')`)
    expect(printed).to.equal('answered')
  })

  it('has no timer that could end a call, or keep it alive, with a time limit of 0', async () => {
    const printed = await runChild(`
      const client = { send: () => new Promise(() => {}) }
      let settled = false
      new SolidisStore({ client, timeout: 0 }).get('1').finally(() => { settled = true })
      setImmediate(() => console.log(process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length))
      process.on('exit', () => console.log(settled))`)
    expect(printed).to.equal('0\nfalse')
  })

  it('stays to tell of a call that is not answered', async () => {
    const printed = await runChild(`
      let calls = 0
      const client = { send: () => (calls++ === 0 ? Promise.resolve([[1]]) : new Promise(() => {})) }
      const store = new SolidisStore({ client, timeout: 100 })
      await store.exists('1')
      store.exists('1').catch(({ code }) => console.log(code))`)
    expect(printed).to.equal('ETIMEDOUT')
  })
})
