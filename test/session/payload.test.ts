import { expect } from 'chai'
import { InvalidSessionError, type Serializer, SolidisStore } from '../../lib/index.ts'
import { rejection } from '../support/calls.ts'
import { data } from '../support/requests.ts'
import { stubClient } from '../support/stub.ts'

type Invalid = { sid: string; error: Error }

/** A store over a Redis that holds only these payloads, and what it says is invalid. */
function storeOver(payloads: Record<string, string>, serializer?: Serializer) {
  const client = stubClient(([name, key]) => {
    if (name === 'SCAN')
      return ['0', Object.keys(payloads).map((sid) => Buffer.from(`sess:${sid}`))]
    if (name === 'PTTL') return 60_000
    return Buffer.from(payloads[String(key).slice('sess:'.length)] ?? '')
  })
  const store = new SolidisStore({ client, serializer })
  const invalid: Invalid[] = []
  store.on('invalid', (event: Invalid) => invalid.push(event))
  return { client, store, invalid }
}

const good = JSON.stringify({ cookie: {}, user: 'u1' })

describe('a payload that is no session', () => {
  const bad: [kind: string, payload: string, message: string][] = [
    ['cut off', '{"hunter2', 'The payload does not decode: serializer.parse threw a SyntaxError'],
    ['empty', '', 'The payload does not decode: serializer.parse threw a SyntaxError'],
    ['a number', '42', 'The payload is not an object'],
    ['a string', '"hunter2"', 'The payload is not an object'],
    ['null', 'null', 'The payload is not an object'],
    ['an array', '["hunter2"]', 'The payload has no cookie object'],
    ['without a cookie', '{"password":"hunter2"}', 'The payload has no cookie object'],
    ['with a string for a cookie', '{"cookie":"hunter2"}', 'The payload has no cookie object'],
    ['with null for a cookie', '{"cookie":null}', 'The payload has no cookie object'],
  ]
  for (const [kind, payload, message] of bad) {
    it(`is none to get, and told of: ${kind}`, async () => {
      const { client, store, invalid } = storeOver({ 'the-sid': payload })
      expect(await store.get('the-sid')).to.equal(null)
      expect(invalid).to.have.length(1)
      expect(invalid[0]?.sid).to.equal('the-sid')
      expect(invalid[0]?.error).to.be.instanceOf(InvalidSessionError)
      expect(invalid[0]?.error).to.include({ name: 'InvalidSessionError', message })
      expect(invalid[0]?.error.cause).to.equal(undefined)
      expect(client.sent().map(([name]) => name)).to.deep.equal(['GET'])
    })

    it(`is left out of all, and told of: ${kind}`, async () => {
      const { client, store, invalid } = storeOver({ a: good, b: payload, c: good })
      expect(await store.all()).to.deep.equal([
        { id: 'a', cookie: {}, user: 'u1' },
        { id: 'c', cookie: {}, user: 'u1' },
      ])
      expect(invalid.map(({ sid, error }) => [sid, error.message])).to.deep.equal([['b', message]])
      expect(client.sent().map(([name]) => name)).to.deep.equal(['SCAN', 'GET'])
    })
  }

  it('says that it was compressed by what this Node lacks', async () => {
    const unknown = `$${Buffer.of(2, 99, 0).toString('base64url')}`
    const damaged = `$${Buffer.of(2, 1, 0).toString('base64url')}`
    const { store, invalid } = storeOver({ unknown, damaged })
    for (const sid of ['unknown', 'damaged']) expect(await store.get(sid)).to.equal(null)
    const codes = invalid.map(({ error }) => (error as InvalidSessionError).code)
    expect(codes).to.deep.equal(['ECODEC', 'EINVALIDSESSION'])
  })

  it('may make an asynchronous serializer fail', async () => {
    const parse = async (text: string) => JSON.parse(text)
    const serializer = { parse, stringify: JSON.stringify }
    const { store, invalid } = storeOver({ a: '{"hunter2', b: '42', c: good }, serializer)
    expect(await store.get('a')).to.equal(null)
    expect(await store.get('b')).to.equal(null)
    expect((await store.all()).map(({ id }) => id)).to.deep.equal(['c'])
    expect(invalid.map(({ sid }) => sid)).to.have.members(['a', 'b', 'a', 'b'])
  })

  it('may make a serializer throw anything', async () => {
    const parse = (text: string): never => {
      throw text
    }
    const { store, invalid } = storeOver({ a: 'hunter2' }, { parse, stringify: JSON.stringify })
    expect(await store.get('a')).to.equal(null)
    expect(invalid[0]?.error.message).to.equal(
      'The payload does not decode: serializer.parse threw a string',
    )
  })

  it('ends nothing if nobody listens', async () => {
    const store = new SolidisStore({
      client: stubClient(([name]) => (name === 'GET' ? Buffer.from('hunter2') : 1000)),
    })
    expect(await store.get('a')).to.equal(null)
  })
})

describe('a session that cannot be written', () => {
  async function refused(session: unknown, serializer?: Serializer): Promise<Error> {
    const { client, store } = storeOver({}, serializer)
    const error = await rejection(store.set('1', session as ReturnType<typeof data>))
    expect(client.sent()).to.deep.equal([])
    return error
  }

  for (const [given, session] of [
    ['undefined', undefined],
    ['null', null],
    ['a string', 'hunter2'],
    ['an array', [{ cookie: {} }]],
    ['a function', () => {}],
    ['an object', { cookie: 'hunter2' }],
    ['an object', { cookie: null }],
  ]) {
    it(`may be no object with a cookie: ${JSON.stringify(session) ?? given}`, async () => {
      const error = await refused(session)
      expect(error).to.be.instanceOf(TypeError)
      expect(error.message).to.match(new RegExp(`^session: expected .*, got ${given}$`))
    })
  }

  it('may be too much for the serializer', async () => {
    const mine = new Error('circular')
    const stringify = () => {
      throw mine
    }
    expect(await refused(data(), { parse: JSON.parse, stringify })).to.equal(mine)
    const rejected = () => Promise.reject(mine)
    expect(await refused(data(), { parse: JSON.parse, stringify: rejected })).to.equal(mine)
  })

  for (const [kind, stringify] of [
    ['synchronous', () => undefined],
    ['asynchronous', async () => undefined],
  ] as [string, () => never][]) {
    it(`may become no string in a ${kind} serializer`, async () => {
      const error = await refused(data(), { parse: JSON.parse, stringify })
      expect(error).to.be.instanceOf(TypeError)
      expect(error.message).to.equal('serializer.stringify: expected a string, got undefined')
    })
  }
})

describe('a session id', () => {
  for (const [given, sid] of [
    ['undefined', undefined],
    ['5', 5],
    ['an array', ['hunter2']],
  ]) {
    it(`has to be a string, not ${given}`, async () => {
      const { client, store } = storeOver({})
      const wrong = sid as string
      for (const call of [
        store.get(wrong),
        store.set(wrong, data()),
        store.destroy(wrong),
        store.touch(wrong, data()),
        store.exists(wrong),
      ]) {
        const error = await rejection(call)
        expect(error).to.be.instanceOf(TypeError)
        expect(error.message).to.equal(`sid: expected a string, got ${given}`)
      }
      expect(client.sent()).to.deep.equal([])
    })
  }

  for (const sid of ['\ud800', 'hunter2\udfff', '\udc00\ud800']) {
    it(`has to be well-formed, lest two share a key: ${JSON.stringify(sid)}`, async () => {
      const { client, store } = storeOver({})
      for (const call of [
        store.get(sid),
        store.set(sid, data()),
        store.destroy(sid),
        store.touch(sid, data()),
        store.exists(sid),
        store.update(sid, () => {}),
      ]) {
        const error = await rejection(call)
        expect(error).to.include({ code: 'ERR_INVALID_ARG_TYPE' })
        expect(error.message).to.equal(
          'sid: expected a string of well-formed Unicode, got a string',
        )
      }
      expect(client.sent()).to.deep.equal([])
    })
  }
})
