import { expect } from 'chai'
import type { SessionData } from 'express-session'
import { PayloadTooLargeError, type Serializer, SolidisStore } from '../../lib/index.ts'
import { rejection } from '../support/calls.ts'
import { ask, type Data, data, open, save, stored } from '../support/requests.ts'
import { slowSerializer } from '../support/serializers.ts'
import { stubClient } from '../support/stub.ts'
import { POLICIES, SID, useStores } from '../support/two-sessions.ts'

const LIMIT = 1000
const big = (bytes = LIMIT) => 'x'.repeat(bytes)

describe('maxPayload', () => {
  const { client, makeStore, twoSessions } = useStores()

  /** What `set` fails with, for which nothing may be sent. */
  async function refused(
    session: SessionData,
    options: object = {},
  ): Promise<PayloadTooLargeError> {
    const client = stubClient()
    const store = new SolidisStore({ client, maxPayload: LIMIT, ...options })
    const error = await rejection<PayloadTooLargeError>(store.set(SID, session))
    expect(error).to.be.instanceOf(PayloadTooLargeError)
    expect(error.code).to.equal('EPAYLOADTOOLARGE')
    expect(client.send.callCount).to.equal(0)
    return error
  }

  it('refuses what is larger, by its size and its largest attribute, before anything is sent', async () => {
    const error = await refused(data({ user: 'ann', cart: big(), note: big(100) }))
    expect(error.attribute).to.equal('cart')
    expect(error.limit).to.equal(LIMIT)
    expect(error.size).to.be.within(LIMIT + 100, LIMIT + 500)
    expect(error.message).to.equal(
      `The session was not written: it has ${error.size} bytes, more than maxPayload (${LIMIT}); ` +
        "its largest attribute is 'cart'",
    )
    expect(error.message).not.to.include('xxx')
  })

  it('counts bytes, not characters', async () => {
    const session = data({ text: '🎉'.repeat(230) })
    expect(JSON.stringify(session).length).to.be.below(LIMIT)
    expect(await refused(session)).to.include({ attribute: 'text' })
  })

  it('counts what the serializer makes of it, encrypted or not', async () => {
    const twice = { parse: JSON.parse, stringify: (it: object) => `${JSON.stringify(it)}${big()}` }
    expect(await refused(data(), { serializer: twice })).to.include({ attribute: 'cookie' })
    const encryption = { secrets: ['a secret of no less than 32 bytes'] }
    expect(await refused(data({ cart: big() }), { encryption })).to.include({ attribute: 'cart' })
    const compression = { minSize: 0, algorithm: 'brotli' as const }
    expect(await refused(data({ cart: big() }), { compression })).to.include({ attribute: 'cart' })
  })

  it('takes what has as many bytes, and not one more', async () => {
    const store = makeStore({ encryption: undefined })
    await store.set(SID, data({ cart: big() }))
    const payload = String(await ask(client, 'GET', store.prefix + SID))
    const size = Buffer.byteLength(payload)
    const session = data({ cart: big() })
    await makeStore({ maxPayload: size + 8, encryption: undefined }).set(SID, session)
    const error = await rejection(makeStore({ maxPayload: size - 8 }).set(SID, session))
    expect(error).to.include({ code: 'EPAYLOADTOOLARGE' })
  })

  it('names an attribute whatever there is besides', async () => {
    const circular: Record<string, unknown> = {}
    circular.self = circular
    const serializer: Serializer = { parse: JSON.parse, stringify: () => big(LIMIT + 1) }
    const session = data({ circular, big: 10n, no: undefined, text: 'long '.repeat(50) })
    expect(await refused(session, { serializer })).to.include({ attribute: 'text' })
  })

  it('is 1 MiB by default, and none if it is Infinity', async () => {
    const store = makeStore()
    await store.set(SID, data({ cart: big(2 ** 20 - 1000) }))
    const error = await rejection(store.set(SID, data({ cart: big(2 ** 20) })))
    expect(error).to.include({ code: 'EPAYLOADTOOLARGE', limit: 2 ** 20 })
    const unlimited = makeStore({ maxPayload: Infinity })
    await unlimited.set(SID, data({ cart: big(2 ** 21) }))
    expect((await store.get(SID)) as Data, 'is read nevertheless').to.include({
      cart: big(2 ** 21),
    })
  })

  it('counts what an asynchronous serializer makes, also where others wait', async () => {
    const serializer = slowSerializer(() => 2)
    expect(await refused(data({ cart: big() }), { serializer })).to.include({ attribute: 'cart' })
    const store = makeStore({ serializer, maxPayload: LIMIT })
    const outcomes = await Promise.allSettled([
      store.set(SID, data({ a: 1 })),
      store.set(SID, data({ cart: big() })),
      store.set(SID, data({ b: 1 })),
    ])
    expect(outcomes.map(({ status }) => status)).to.deep.equal([
      ...['fulfilled', 'rejected', 'fulfilled'],
    ])
    expect(await store.get(SID)).to.include({ b: 1 })
  })

  it('ends no process where what fails is waited for by nobody yet', async () => {
    const unhandled: unknown[] = []
    const listener = (error: unknown) => unhandled.push(error)
    process.on('unhandledRejection', listener)
    try {
      let answer: () => void = () => {}
      const held = new Promise<void>((resolve) => {
        answer = resolve
      })
      const slow = { send: () => held.then(() => [[1]]) }
      const serializer = slowSerializer(() => 0)
      const store = new SolidisStore({ client: slow, maxPayload: LIMIT, serializer, timeout: 0 })
      const first = store.set(SID, data())
      const error = rejection(store.set(SID, data({ cart: big() })))
      for (let turns = 0; turns < 5; turns++) await new Promise(setImmediate)
      answer()
      await first.catch(() => {})
      expect(await error).to.include({ code: 'EPAYLOADTOOLARGE' })
    } finally {
      process.off('unhandledRejection', listener)
    }
    expect(unhandled).to.deep.equal([])
  })

  it('refuses by update, and leaves what there is', async () => {
    const { store } = await twoSessions({ a: 1 }, { maxPayload: LIMIT })
    const grow = (session: SessionData) => void Object.assign(session, { cart: big() })
    const growLater = async (session: SessionData) => grow(session)
    for (const change of [grow, growLater]) {
      const error = await rejection<PayloadTooLargeError>(store.update(SID, change))
      expect(error).to.include({ code: 'EPAYLOADTOOLARGE', attribute: 'cart' })
    }
    expect(await stored(store, SID)).to.deep.equal({ a: 1 })
  })

  it('refuses what only a merge makes larger, and leaves what there is', async () => {
    const { store, theirs, ours } = await twoSessions({ a: 1 }, { maxPayload: LIMIT })
    await save(Object.assign(theirs, { theirs: big(500) }))
    const error = await rejection<PayloadTooLargeError>(
      save(Object.assign(ours, { ours: big(501) })),
    )
    expect(error).to.include({ code: 'EPAYLOADTOOLARGE', attribute: 'ours' })
    expect(await stored(store, SID)).to.deep.equal({ a: 1, theirs: big(500) })
    const session = await open(store, SID)
    await save(Object.assign(session, { theirs: 'less', ours: big(500) }))
    expect(await stored(store, SID)).to.deep.equal({ a: 1, theirs: 'less', ours: big(500) })
  })

  for (const [name, onConflict] of POLICIES.filter(
    ([name]) => name === 'merge' || name === 'a function',
  )) {
    it(`refuses one of several that wait, and no other: ${name}`, async () => {
      const store = makeStore({ maxPayload: LIMIT, onConflict })
      await store.set(SID, data({ a: 1 }))
      const sessions = await Promise.all([1, 2, 3, 4, 5].map(() => open(store, SID)))
      const changes = [{ b: 1 }, { c: big(500) }, { d: big(500) }, { e: 1 }, { f: 1 }]
      const outcomes = await Promise.allSettled(
        sessions.map((session, i) => save(Object.assign(session, changes[i]))),
      )
      expect(outcomes.map(({ status }) => status)).to.deep.equal([
        ...['fulfilled', 'fulfilled', 'rejected', 'fulfilled', 'fulfilled'],
      ])
      expect(await stored(store, SID)).to.deep.equal({ a: 1, b: 1, c: big(500), e: 1, f: 1 })
    })
  }

  for (const maxPayload of [0, -1, Number.NaN, '1', {}]) {
    it(`is not ${JSON.stringify(maxPayload)}`, () => {
      const options = { client: stubClient(), maxPayload: maxPayload as number }
      expect(() => new SolidisStore(options)).to.throw(
        TypeError,
        /^maxPayload: expected a positive number of bytes/,
      )
    })
  }
})
