import { setImmediate as turn } from 'node:timers/promises'
import { expect } from 'chai'
import sinon from 'sinon'
import { type Callback, RedisError, SolidisStore } from '../../lib/index.ts'
import { rejection } from '../support/calls.ts'
import { runChild } from '../support/child.ts'
import { data } from '../support/requests.ts'
import { failingClient, stubClient } from '../support/stub.ts'

type Method = [
  name: string,
  result: unknown,
  call: (store: SolidisStore, callback: Callback<unknown>) => unknown,
]

const methods: Method[] = [
  ['get', null, (store, callback) => store.get('1', callback)],
  ['set', undefined, (store, callback) => store.set('1', data(), callback)],
  ['destroy', undefined, (store, callback) => store.destroy('1', callback)],
  ['touch', undefined, (store, callback) => store.touch('1', data(), callback)],
  ['all', [], (store, callback) => store.all(callback)],
  ['length', 0, (store, callback) => store.length(callback)],
  ['clear', undefined, (store, callback) => store.clear(callback)],
  ['ids', [], (store, callback) => store.ids(callback)],
  ['exists', false, (store, callback) => store.exists('1', callback)],
  ['update', null, (store, callback) => store.update('1', () => {}, callback)],
]

function emptyRedis() {
  return stubClient(([name]) => (name === 'SCAN' ? ['0', []] : null))
}

async function severalTurns(): Promise<void> {
  for (let i = 0; i < 20; i++) await turn()
}

describe('callback', () => {
  for (const [name, result, call] of methods) {
    it(`of ${name} is called once, later, with the result`, async () => {
      const callback = sinon.spy()
      expect(call(new SolidisStore({ client: emptyRedis() }), callback)).to.equal(undefined)
      expect(callback.callCount).to.equal(0)
      await severalTurns()
      expect(callback.callCount).to.equal(1)
      const [error, given] = callback.args[0] as [unknown, unknown?]
      expect([error, given]).to.deep.equal([null, result])
    })

    it(`of ${name} is called once, later, with the error`, async () => {
      const callback = sinon.spy()
      const client = failingClient(new Error('down'))
      expect(call(new SolidisStore({ client }), callback)).to.equal(undefined)
      expect(callback.callCount).to.equal(0)
      await severalTurns()
      expect(callback.callCount).to.equal(1)
      expect(callback.args[0]).to.have.length(1)
      // That of a touch would cut off a page which is there already.
      if (name === 'touch') expect(callback.args[0]).to.deep.equal([null])
      else expect(callback.args[0]?.[0]).to.be.instanceOf(RedisError)
    })
  }

  it('of touch is given no failure of Redis, which an event tells, and a promise', async () => {
    const store = new SolidisStore({ client: failingClient(new Error('down')) })
    const failed = sinon.spy()
    store.on('touchFailed', failed)
    store.touch('1', data(), () => {})
    await severalTurns()
    expect(failed.args).to.have.length(1)
    expect(failed.args[0]?.[0].sid).to.equal('1')
    expect(failed.args[0]?.[0].error).to.be.instanceOf(RedisError)
    expect(await rejection(store.touch('1', data()))).to.be.instanceOf(RedisError)
    expect(failed.callCount).to.equal(1)
  })

  it('is called later with a bad argument, too', async () => {
    const callback = sinon.spy()
    new SolidisStore({ client: emptyRedis() }).get(5 as never, callback)
    expect(callback.callCount).to.equal(0)
    await severalTurns()
    expect(callback.callCount).to.equal(1)
    expect(callback.args[0]?.[0])
      .to.be.instanceOf(TypeError)
      .with.property('message', 'sid: expected a string, got 5')
  })

  it('may be null, which is none', async () => {
    const store = new SolidisStore({ client: emptyRedis() })
    expect(await (store.length(null as never) as unknown as Promise<number>)).to.equal(0)
  })

  describe('given as undefined or null', () => {
    const nothings = [undefined, null] as const

    /** What a process prints that makes calls without caring for their outcome. */
    const uncaring = (send: string) =>
      runChild(`
        const store = new SolidisStore({ client: { send: ${send} }, timeout: 100 })
        const session = { cookie: {} }
        for (const nothing of [undefined, null]) {
          store.destroy('1', nothing)
          store.set('2', session, nothing)
          store.touch('3', session, nothing)
          store.clear(nothing)
          store.get('4', nothing)
          store.update('5', () => {}, nothing)
        }
        process.on('exit', (code) => console.log('exit', code))`)

    for (const [how, send] of [
      ['does not answer', '() => new Promise(() => {})'],
      ['rejects', 'async () => { throw new Error("down") }'],
      ['throws', '() => { throw new Error("down") }'],
    ] as const) {
      it(`ends no process where the client ${how}`, async () => {
        expect(await uncaring(send)).to.equal('exit 0')
      })
    }

    it('leaves the promise to who wants it', async () => {
      const down = new SolidisStore({ client: failingClient(new Error('down')) })
      for (const nothing of nothings) {
        const call = down.destroy('1', nothing as undefined) as unknown as Promise<void>
        expect(await rejection(call)).to.be.instanceOf(RedisError)
      }
    })

    it('is not the same as none, whose promise has to be handled', async () => {
      const printed = await runChild(`
        const store = new SolidisStore({ client: { send: async () => { throw new Error('down') } } })
        process.on('unhandledRejection', ({ message }) => console.log(message))
        store.destroy('1')`)
      expect(printed).to.equal('UNLINK failed: down')
    })
  })

  it('has to be a function', async () => {
    const store = new SolidisStore({ client: emptyRedis() })
    const error = await rejection(store.length('hunter2' as never) as unknown as Promise<void>)
    expect(error).to.be.instanceOf(TypeError)
    expect(error.message).to.equal('callback: expected a function, got a string')
  })

  describe('that throws', () => {
    /** What a process sees of it: calls, uncaught exceptions and unhandled rejections. */
    async function seen(send: string): Promise<unknown> {
      return JSON.parse(
        await runChild(`
          const seen = {}
          process.on('uncaughtException', ({ message }, origin) => {
            seen[message] = [...(seen[message] ?? []), origin]
          })
          const store = new SolidisStore({ client: { send: async (commands) => ${send} } })
          const session = { cookie: {} }
          const methods = {
            get: ['1'], set: ['1', session], destroy: ['1'], touch: ['1', session], all: [],
            length: [], clear: [], ids: [], exists: ['1'], update: ['1', () => {}],
          }
          for (const [name, args] of Object.entries(methods)) {
            store[name](...args, () => {
              seen[name] = [...(seen[name] ?? []), 'called']
              throw new Error(name)
            })
          }
          process.on('exit', () => console.log(JSON.stringify(seen)))`),
      )
    }
    const onceEach = Object.fromEntries(
      methods.map(([name]) => [name, ['called', 'uncaughtException']]),
    )

    it("is its caller's uncaught exception, and not called again", async () => {
      const send = `commands.map(([name]) => [name === 'SCAN' ? ['0', []] : null])`
      expect(await seen(send)).to.deep.equal(onceEach)
    })

    it("is its caller's uncaught exception after a failure, and not called again", async () => {
      const send = `{ throw new Error('down') }`
      expect(await seen(send)).to.deep.equal(onceEach)
    })
  })
})
