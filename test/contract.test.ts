import { inspect } from 'node:util'
import { expect } from 'chai'
import type { SessionData } from 'express-session'
import {
  RedisError,
  type Serializer,
  type SolidisLike,
  SolidisStore,
  type SolidisStoreOptions,
} from '../lib/index.ts'
import { startRedis } from '../scripts/redis-server.js'
import { rejection, viaCallbacks } from './support/calls.ts'
import { type ClientKind, clientKinds, nodeRedisKind, type TestClient } from './support/clients.ts'
import { ENCRYPTED, isEncrypted, keyOf, sealed, textIn } from './support/encrypted.ts'
import { eventually } from './support/eventually.ts'
import { freshPrefix, urlOf } from './support/redis.ts'
import { ask, attributesOf, type Data, data, ONE_HOUR_MS } from './support/requests.ts'

/** Beyond what any machine takes between writing a key and asking for it. */
const MARGIN_MS = 60_000

const byId = (a: { id: string }, b: { id: string }) => a.id.localeCompare(b.id)

for (const kind of clientKinds) {
  describe(`SolidisStore over ${kind.name}`, () => {
    if (kind.missing) it(`is not tested here, because ${kind.missing}`)
    else contract(kind)
  })
}

function contract(kind: ClientKind): void {
  let tested: TestClient
  /** Asks Redis past the store and its client. */
  let redis: (...command: string[]) => Promise<unknown>
  let direct: TestClient

  before(async () => {
    tested = await kind.connect()
    direct = await (kind.connectDirectly ?? nodeRedisKind.connect)()
    redis = (...command) => ask(direct.client, ...command)
  })
  after(() => {
    tested.close()
    direct.close()
  })

  function createStore(options: Partial<SolidisStoreOptions> = {}): SolidisStore {
    return new SolidisStore({
      ...ENCRYPTED,
      client: tested.client,
      prefix: freshPrefix(),
      ...options,
    })
  }

  const payloadOf = async (store: SolidisStore, sid: string) =>
    String(await redis('GET', keyOf(store, sid)))
  /** As the serializer has written it. */
  const textOf = async (store: SolidisStore, sid: string) =>
    textIn(store.prefix, sid, await payloadOf(store, sid))
  const lifeOf = async (store: SolidisStore, sid: string) =>
    Number(await redis('PTTL', keyOf(store, sid)))
  const isThere = async (store: SolidisStore, sid: string) =>
    (await redis('EXISTS', keyOf(store, sid))) === 1

  function listen(store: SolidisStore, event: string): { sid: string; error?: unknown }[] {
    const events: { sid: string; error?: unknown }[] = []
    store.on(event, (details) => events.push(details))
    return events
  }

  const styles = { promises: (store: SolidisStore) => store, callbacks: viaCallbacks }
  for (const [style, via] of Object.entries(styles)) {
    describe(`by ${style}`, () => {
      it('gives null for a session that is not there', async () => {
        expect(await via(createStore()).get('none')).to.equal(null)
      })

      it('gives back what was set', async () => {
        const store = via(createStore())
        const session = data({ user: 'u1', cart: [1, { two: null }], on: true })
        expect(await store.set('1', session)).to.equal(undefined)
        const { cookie, ...attributes } = (await store.get('1')) as Data
        expect(attributes).to.deep.equal({ user: 'u1', cart: [1, { two: null }], on: true })
        expect(cookie).to.include({ originalMaxAge: ONE_HOUR_MS, httpOnly: true, path: '/' })
      })

      it('replaces what was set before', async () => {
        const store = via(createStore())
        await store.set('1', data({ user: 'u1', cart: [1] }))
        await store.set('1', data({ user: 'u2' }))
        expect(await store.get('1'))
          .to.include({ user: 'u2' })
          .and.not.have.property('cart')
      })

      it('destroys, whether or not there is anything', async () => {
        const bare = createStore()
        const store = via(bare)
        await store.set('1', data())
        await store.set('2', data())
        expect(await store.destroy('1')).to.equal(undefined)
        await store.destroy('1')
        expect(await store.get('1')).to.equal(null)
        expect([await isThere(bare, '1'), await isThere(bare, '2')]).to.deep.equal([false, true])
      })

      it('touches', async () => {
        const bare = createStore()
        const store = via(bare)
        const session = data()
        await store.set('1', session)
        session.cookie.expires = new Date(Date.now() + 2 * ONE_HOUR_MS)
        expect(await store.touch('1', session)).to.equal(undefined)
        expect(await lifeOf(bare, '1')).to.be.within(2 * ONE_HOUR_MS - MARGIN_MS, 2 * ONE_HOUR_MS)
      })

      it('says whether a session exists', async () => {
        const store = via(createStore())
        await store.set('1', data())
        expect([await store.exists('1'), await store.exists('2')]).to.deep.equal([true, false])
      })

      it('is empty at first', async () => {
        const store = via(createStore())
        expect([await store.all(), await store.ids(), await store.length()]).to.deep.equal([
          [],
          [],
          0,
        ])
        expect(await store.clear()).to.equal(undefined)
      })

      it('lists, counts and clears', async () => {
        const store = via(createStore())
        await store.set('a', data({ user: 'u1' }))
        await store.set('b', data({ user: 'u2' }))
        const listed = (await store.all()).sort(byId)
        expect(listed.map((s) => [s.id, (s as unknown as Data).user])).to.deep.equal([
          ['a', 'u1'],
          ['b', 'u2'],
        ])
        expect(listed[0]?.cookie).to.include({ originalMaxAge: ONE_HOUR_MS })
        expect((await store.ids()).sort()).to.deep.equal(['a', 'b'])
        expect(await store.length()).to.equal(2)
        await store.clear()
        expect([await store.all(), await store.ids(), await store.length()]).to.deep.equal([
          [],
          [],
          0,
        ])
      })

      it('fails with what Redis says', async () => {
        const user = `reader${process.pid}`
        await redis('ACL', 'SETUSER', user, 'on', '>secret', '~*', '+@all', '-get')
        const { client, close } = await kind.connect(urlOf(user, 'secret'))
        try {
          const bare = createStore({ client })
          const error = await rejection(via(bare).get('the sid'))
          expect(error).to.be.instanceOf(RedisError)
          expect(error).to.include({ command: 'GET', code: 'NOPERM' })
          expect(error.message).to.match(/^GET failed: NOPERM /)
          expect(inspect(error)).not.to.include('the sid')
        } finally {
          close()
          await redis('ACL', 'DELUSER', user)
        }
      })
    })
  }

  describe('payload', () => {
    it('is the JSON of the session, and a tag at its end', async () => {
      const store = createStore()
      const session = data({ user: 'u1' })
      await store.set('1', session)
      const { $solidis: tag } = JSON.parse(await textOf(store, '1'))
      expect(await textOf(store, '1')).to.equal(JSON.stringify({ ...session, $solidis: tag }))
    })

    it('may be written by others', async () => {
      const store = createStore()
      const text = '{"cookie":{"originalMaxAge":null},"user":"u1"}'
      await redis('SET', keyOf(store, '1'), sealed(store.prefix, '1', text))
      expect(await store.get('1')).to.deep.equal({ cookie: { originalMaxAge: null }, user: 'u1' })
    })

    it('may hold any character, and so may the session id', async () => {
      const store = createStore()
      const text = 'Zoë 你好 🎉 \u0000 \u2028 \ud800 "\\'
      const sid = 'Zoë 你好 🎉'
      await store.set(sid, data({ text }))
      expect(await store.get(sid)).to.include({ text })
      expect(await store.ids()).to.deep.equal([sid])
      expect((await store.all())[0]).to.include({ id: sid, text })
      expect(await textOf(store, sid)).to.include('Zoë 你好 🎉')
    })

    it('may be invalid UTF-8, and be written back', async function () {
      // Nobody but a store with the secret writes one, and that writes UTF-8.
      if (isEncrypted) this.skip()
      const store = createStore()
      const key = `${store.prefix}1`
      const bytes = Buffer.from('{"cookie":{},"name":"Zo\xeb"}', 'latin1')
      await direct.client.send([['SET', key, bytes]])
      const session = (await store.get('1')) as Data
      expect(session.name).to.equal('Zo\ufffd')
      session.views = 1
      await store.set('1', session)
      const { $solidis, ...written } = JSON.parse(await textOf(store, '1'))
      expect(written).to.deep.equal({ cookie: {}, name: 'Zo\ufffd', views: 1 })
    })

    for (const [name, payload] of [
      ['cut off', '{"cookie":{},"user":"hunter2'],
      ['no object', '"hunter2"'],
      ['an array', '["hunter2"]'],
      ['without a cookie', '{"user":"hunter2"}'],
      ['empty', ''],
    ] as [string, string][]) {
      it(`that is ${name} is no session, is told of, and stays`, async () => {
        const store = createStore()
        const invalid = listen(store, 'invalid')
        await redis('SET', `${store.prefix}bad`, payload)
        await store.set('good', data())
        expect(await store.get('bad')).to.equal(null)
        expect((await store.all()).map(({ id }) => id)).to.deep.equal(['good'])
        expect(invalid.map(({ sid }) => sid)).to.deep.equal(['bad', 'bad'])
        expect(String(invalid[0]?.error)).not.to.include('hunter2')
        expect(await payloadOf(store, 'bad')).to.equal(payload)
        await store.set('bad', data({ user: 'u2' }))
        expect(await store.get('bad')).to.include({ user: 'u2' })
      })
    }

    it('of another type is no session, and told of', async () => {
      const store = createStore()
      const invalid = listen(store, 'invalid')
      await redis('HSET', `${store.prefix}hash`, 'a', 'b')
      await store.set('good', data())
      expect((await store.all()).map(({ id }) => id)).to.deep.equal(['good'])
      expect(await store.get('hash')).to.equal(null)
      expect(invalid.map(({ sid }) => sid)).to.deep.equal(['hash', 'hash'])
      for (const { error } of invalid) {
        expect(error).to.include({ command: 'GET', code: 'WRONGTYPE' })
      }
      expect(await store.length()).to.equal(2)
      await store.clear()
      expect(await isThere(store, 'hash')).to.equal(false)
    })

    it('may be lost and told of to nobody', async () => {
      const store = createStore()
      await redis('SET', `${store.prefix}1`, 'hunter2')
      expect(await store.get('1')).to.equal(null)
    })
  })

  describe('serializer', () => {
    const reversed: Serializer = {
      parse: (text) => JSON.parse([...text].reverse().join('')),
      stringify: (session) => [...JSON.stringify(session)].reverse().join(''),
    }

    async function roundTrip(serializer: Serializer): Promise<void> {
      const store = createStore({ serializer })
      const session = data({ user: 'u1' })
      await store.set('1', session)
      const { cookie, ...parsed } = (await serializer.parse(await textOf(store, '1'))) as Data
      expect(attributesOf(parsed)).to.deep.equal({ user: 'u1' })
      expect(cookie).to.deep.equal(session.cookie)
      const read = (await store.get('1')) as Data
      expect(read.user).to.equal('u1')
      expect((await store.all()).map((s) => [s.id, (s as unknown as Data).user])).to.deep.equal([
        ['1', 'u1'],
      ])
      read.user = 'u2'
      await store.set('1', read)
      expect(await store.get('1')).to.include({ user: 'u2' })
    }

    it('may write what is no JSON', () => roundTrip(reversed))

    it('may be asynchronous, for all() too', () =>
      roundTrip({
        parse: async (text) => reversed.parse(text),
        stringify: async (session) => reversed.stringify(session),
      }))

    it('may be an object with state of its own', () => {
      class Base64 implements Serializer {
        readonly #encoding = 'base64'
        parse(text: string): SessionData {
          return JSON.parse(Buffer.from(text, this.#encoding).toString())
        }
        stringify(session: SessionData): string {
          return Buffer.from(JSON.stringify(session)).toString(this.#encoding)
        }
      }
      return roundTrip(new Base64())
    })
  })

  describe('time to live', () => {
    it('is that of the cookie, to the millisecond', async () => {
      const store = createStore()
      const session = data()
      session.cookie.expires = new Date(Date.now() + 100_500)
      await store.set('1', session)
      expect(await lifeOf(store, '1')).to.be.within(100_500 - MARGIN_MS, 100_500)
    })

    it('is a day by default, and ttl where that is given', async () => {
      const session = { cookie: { originalMaxAge: null } } as SessionData
      const day = createStore()
      await day.set('1', session)
      expect(await lifeOf(day, '1')).to.be.within(86_400_000 - MARGIN_MS, 86_400_000)
      const hour = createStore({ ttl: 3600 })
      await hour.set('1', session)
      expect(await lifeOf(hour, '1')).to.be.within(ONE_HOUR_MS - MARGIN_MS, ONE_HOUR_MS)
    })

    it('is what a function says, against the cookie', async () => {
      const store = createStore({ ttl: () => 86_400 })
      await store.set('1', data())
      expect(await lifeOf(store, '1')).to.be.within(86_400_000 - MARGIN_MS, 86_400_000)
    })

    it('may be less than a second', async () => {
      const store = createStore({ ttl: () => 0.05 })
      await store.set('1', data())
      expect(await lifeOf(store, '1')).to.be.at.most(50)
      await eventually(async () => !(await isThere(store, '1')))
      expect(await store.get('1')).to.equal(null)
    })

    it('of zero or less destroys', async () => {
      const store = createStore()
      const over = data()
      over.cookie.expires = new Date(Date.now() - 1000)
      await store.set('1', data())
      await store.set('1', over)
      expect(await isThere(store, '1')).to.equal(false)
      await store.set('2', data())
      await store.touch('2', over)
      expect(await isThere(store, '2')).to.equal(false)
    })

    it('is there at once in the cookie that get gives', async () => {
      const store = createStore({ ttl: () => 7200 })
      const before = Date.now()
      await store.set('1', data())
      const expires = new Date(String((await store.get('1'))?.cookie.expires)).getTime()
      expect(expires).to.be.within(before + 7_200_000 - 1000, Date.now() + 7_200_000)
    })

    it('changes by touch alone, as the next get sees', async () => {
      const store = createStore()
      const session = data()
      await store.set('1', session)
      const payload = await payloadOf(store, '1')
      const expires = new Date(Date.now() + 2 * ONE_HOUR_MS)
      session.cookie.expires = expires
      await store.touch('1', session)
      expect(await payloadOf(store, '1')).to.equal(payload)
      const seen = new Date(String((await store.get('1'))?.cookie.expires)).getTime()
      expect(seen).to.be.closeTo(expires.getTime(), MARGIN_MS)
    })
  })

  describe('touch', () => {
    it('makes no session where there is none, and tells of it', async () => {
      const store = createStore()
      const gone = listen(store, 'gone')
      await store.touch('1', data())
      expect(await isThere(store, '1')).to.equal(false)
      expect(gone).to.deep.equal([{ sid: '1' }])
    })

    it('does nothing with disableTouch', async () => {
      const store = createStore({ disableTouch: true })
      const session = data()
      await store.set('1', session)
      session.cookie.expires = new Date(Date.now() + 2 * ONE_HOUR_MS)
      await store.touch('1', session)
      expect(await lifeOf(store, '1')).to.be.within(ONE_HOUR_MS - MARGIN_MS, ONE_HOUR_MS)
    })
  })

  describe('disableTTL', () => {
    it('makes keys that never expire, whatever touches them', async () => {
      const store = createStore({ disableTTL: true, ttl: 60 })
      const session = data({ user: 'u1' })
      await store.set('1', session)
      await store.touch('1', session)
      expect(await lifeOf(store, '1')).to.equal(-1)
      const read = await store.get('1')
      expect(read).to.deep.equal(JSON.parse(JSON.stringify(session)))
      await store.set('1', Object.assign(read as SessionData, { user: 'u2' }))
      expect(await lifeOf(store, '1')).to.equal(-1)
      await store.destroy('1')
      expect(await store.get('1')).to.equal(null)
    })

    it('keeps a session that was loaded from expiring, too', async () => {
      const store = createStore({ disableTTL: true })
      await store.set('1', data())
      const session = (await store.get('1')) as Data
      session.user = 'u1'
      await store.set('1', session)
      expect(await lifeOf(store, '1')).to.equal(-1)
      expect(await store.get('1')).to.include({ user: 'u1' })
    })
  })

  describe('a session that was loaded', () => {
    it('is written back with its changes', async () => {
      const store = createStore()
      await store.set('1', data({ user: 'u1', cart: [1] }))
      const session = (await store.get('1')) as Data
      session.user = 'u2'
      delete session.cart
      session.views = 1
      await store.set('1', session)
      const { cookie, ...attributes } = (await store.get('1')) as Data
      expect(attributes).to.deep.equal({ user: 'u2', views: 1 })
      expect(await lifeOf(store, '1')).to.be.within(ONE_HOUR_MS - MARGIN_MS, ONE_HOUR_MS)
    })

    it('may be written time and again', async () => {
      const store = createStore()
      await store.set('1', data())
      const session = (await store.get('1')) as Data
      for (const views of [1, 2, 1]) {
        session.views = views
        await store.set('1', session)
        expect(JSON.parse(await textOf(store, '1')).views).to.equal(views)
      }
    })

    it('is changed by update', async () => {
      const store = createStore()
      await store.set('1', data({ views: 1 }))
      const change = (session: SessionData) => {
        ;(session as Data).views = 2
      }
      expect(await store.update('1', change)).to.include({ views: 2 })
      expect(await store.get('1')).to.include({ views: 2 })
      expect(await store.update('none', change)).to.equal(null)
    })
  })

  describe('prefix', () => {
    for (const [prefix, neighbours] of [
      ['a*', ['ab', 'a', 'abc*']],
      ['a?', ['ab', 'ac']],
      ['[ab]', ['a', 'b']],
      ['[^a]', ['b', 'c']],
      ['[a-c]', ['a', 'b', 'c', '-']],
      ['a\\', ['a', 'a*']],
      ['a\\*', ['a*', 'ab', 'a\\b']],
      ['*', ['', 'a', 'ab']],
      ['^a-', ['a-', '^a', '^b-']],
    ] as [string, string[]][]) {
      it(`is taken literally: ${prefix}`, async () => {
        const base = freshPrefix()
        const store = createStore({ prefix: `${base}${prefix}:` })
        const others = neighbours.map((name) => `${base}${name}:1`)
        for (const key of others) await redis('SET', key, '{"cookie":{}}')
        await store.set('1', data({ user: 'u1' }))
        expect(await store.ids()).to.deep.equal(['1'])
        expect(await store.length()).to.equal(1)
        expect((await store.all()).map(({ id }) => id)).to.deep.equal(['1'])
        await store.clear()
        expect(await isThere(store, '1')).to.equal(false)
        expect(await redis('EXISTS', ...others)).to.equal(new Set(others).size)
      })
    }

    it('may be empty', async () => {
      const server = await startRedis()
      try {
        const connect = kind.connectToNothing ?? (() => kind.connect(server.url))
        const { client, close } = await connect()
        const store = new SolidisStore({ ...ENCRYPTED, client, prefix: '' })
        await store.set('1', data({ user: 'u1' }))
        expect(await ask(client, 'EXISTS', '1')).to.equal(1)
        expect(await store.ids()).to.deep.equal(['1'])
        expect((await store.all())[0]).to.include({ id: '1', user: 'u1' })
        await store.clear()
        expect(await ask(client, 'DBSIZE')).to.equal(0)
        close()
      } finally {
        await server.stop()
      }
    })

    it('is cleared of keys that are no UTF-8, too', async () => {
      const store = createStore()
      const keys = [[0xff], [0xfe], [0xc3, 0x28]].map((bytes) =>
        Buffer.concat([Buffer.from(store.prefix), Buffer.from(bytes)]),
      )
      for (const key of keys) await direct.client.send([['SET', key, '{"cookie":{}}']])
      await store.set('1', data())
      expect(await store.length()).to.equal(4)
      await store.clear()
      const [there] = await direct.client.send([['EXISTS', ...keys]])
      expect(there).to.deep.equal([0])
      expect(await store.length()).to.equal(0)
    })

    it('keeps stores apart', async () => {
      const [one, other] = [createStore(), createStore()]
      await one.set('1', data({ user: 'u1' }))
      await other.set('1', data({ user: 'u2' }))
      await one.clear()
      expect(await one.get('1')).to.equal(null)
      expect(await other.get('1')).to.include({ user: 'u2' })
    })
  })

  describe('very many sessions', () => {
    const COUNT = 2500
    const sids = Array.from({ length: COUNT }, (_, i) => String(i).padStart(5, '0'))
    let store: SolidisStore

    before(async () => {
      store = createStore({ scanCount: 100 })
      await Promise.all(sids.map((sid) => store.set(sid, data({ user: sid }))))
    })

    it('are all listed, each once', async () => {
      expect((await store.ids()).sort()).to.deep.equal(sids)
      expect(await store.length()).to.equal(COUNT)
      const all = (await store.all()).sort(byId)
      expect(all.map(({ id }) => id)).to.deep.equal(sids)
      expect(all.every((s) => (s as unknown as Data).user === s.id)).to.equal(true)
    })

    it('are all cleared, and nothing else', async () => {
      const neighbour = createStore()
      await neighbour.set('1', data())
      await store.clear()
      expect(await store.length()).to.equal(0)
      expect(await redis('EXISTS', ...sids.map((sid) => store.prefix + sid))).to.equal(0)
      expect(await neighbour.length()).to.equal(1)
    })
  })

  it('has its options as properties', () => {
    const store = createStore({ prefix: 'p:', ttl: 60, disableTTL: true, disableTouch: true })
    const client: SolidisLike = tested.client
    expect(store).to.include({ client, prefix: 'p:', ttl: 60, disableTTL: true })
    expect(store).to.include({ disableTouch: true, scanCount: 1000, timeout: 5000 })
    expect(store.serializer).to.equal(JSON)
  })
}
