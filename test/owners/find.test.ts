import { expect } from 'chai'
import type { SessionData } from 'express-session'
import type { SolidisStore } from '../../lib/index.ts'
import { TooManySessionsError } from '../../lib/index.ts'
import { rejection } from '../support/calls.ts'
import { clientKinds } from '../support/clients.ts'
import { freshPrefix } from '../support/redis.ts'
import {
  ask,
  type Data,
  data,
  destroy,
  equip,
  expireAt,
  ONE_HOUR_MS,
  open,
  save,
  touch,
} from '../support/requests.ts'
import { heard, useStores } from '../support/two-sessions.ts'

const indexBy = (session: SessionData) => (session as Data).user as string | undefined

for (const kind of clientKinds) {
  describe(`the sessions of a user, over ${kind.name}`, () => {
    before(function () {
      if (kind.missing) this.skip()
    })
    if (kind.missing) return
    const { client, makeStore } = useStores(kind)

    const makeIndexed = (options = {}) => makeStore({ indexBy, timeout: 5000, ...options })
    let logins = 0
    /** Each later than the one before, by more than the time of a test. */
    const login = (store: SolidisStore, sid: string, user: string, more = {}) => {
      const session = data({ user, ...more })
      expireAt(session, Date.now() + ONE_HOUR_MS + ++logins * 60_000)
      return store.set(sid, session)
    }
    const sidsOf = async (store: SolidisStore, user: string) =>
      (await store.findBy(user)).map(({ sid }) => sid)

    it('are found, what was used last first', async () => {
      const store = makeIndexed()
      for (const sid of ['one', 'two', 'three']) await login(store, sid, 'ann', { sid })
      await login(store, 'other', 'bob')
      await store.set('nobody', data())
      const found = await store.findBy('ann')
      expect(found.map(({ sid }) => sid)).to.deep.equal(['three', 'two', 'one'])
      const [first] = found
      expect(first?.session).to.include({ user: 'ann', sid: 'three', id: 'three' })
      expect(first?.handle).to.match(/^[\w-]{22}$/)
      expect(first?.expiresAt).to.be.an.instanceOf(Date)
      expect(await store.findBy('nobody at all')).to.deep.equal([])
    })

    it('stay in the index where one process has not the secret of another', async () => {
      const encryption = { secrets: ['a secret of thirty-two bytes, or more'] }
      const store = makeIndexed({ encryption })
      await login(store, 'one', 'ann')
      const without = makeIndexed({ encryption: undefined })
      const told = heard(without, 'invalid')
      expect(await without.findBy('ann')).to.deep.equal([])
      expect(await without.destroyBy('ann')).to.equal(0)
      expect(told).to.have.length(2)
      expect(await sidsOf(store, 'ann')).to.deep.equal(['one'])
    })

    it('lock nobody out where they cannot be read', async () => {
      const encryption = { secrets: ['a secret of thirty-two bytes, or more'] }
      const store = makeIndexed({ encryption })
      await login(store, 'one', 'ann')
      const without = makeIndexed({ encryption: undefined, maxSessions: 1 })
      await login(without, 'two', 'ann')
      await login(without, 'three', 'ann')
      expect(await sidsOf(without, 'ann')).to.deep.equal(['three'])
      expect(await sidsOf(store, 'ann'), 'who can read it').to.deep.equal(['one'])
    })

    it('are found as a callback wants it', (done) => {
      const store = makeIndexed()
      login(store, 'one', 'ann').then(() =>
        store.findBy('ann', (error, found) => {
          expect([error, found?.[0]?.sid]).to.deep.equal([null, 'one'])
          store.destroyBy('ann', { except: 'one' }, (failure, count) => {
            expect([failure, count]).to.deep.equal([null, 0])
            store.destroyBy('ann', (failed, ended) => {
              expect([failed, ended]).to.deep.equal([null, 1])
              done()
            })
          })
        }),
      )
    })

    it('are those that have them now: after a login, another, and a logout', async () => {
      const store = makeIndexed()
      await store.set('sid', data())
      const session = await open(store, 'sid')
      await save(Object.assign(session, { user: 'ann' }))
      expect(await sidsOf(store, 'ann')).to.deep.equal(['sid'])
      await save(Object.assign(session, { user: 'bob' }))
      expect([await sidsOf(store, 'ann'), await sidsOf(store, 'bob')]).to.deep.equal([[], ['sid']])
      await store.update('sid', (fresh) => void Object.assign(fresh, { user: 'cid' }))
      expect([await sidsOf(store, 'bob'), await sidsOf(store, 'cid')]).to.deep.equal([[], ['sid']])
      const other = await open(store, 'sid')
      delete other.user
      await save(other)
      expect(await sidsOf(store, 'cid')).to.deep.equal([])
    })

    it('do not outlive their session: after destroy, regenerate and clear', async () => {
      const store = equip(makeIndexed())
      for (const sid of ['one', 'two', 'three']) await login(store, sid, 'ann')
      await destroy(await open(store, 'one'))
      expect(await sidsOf(store, 'ann')).to.have.members(['two', 'three'])
      const session = await open(store, 'two')
      await new Promise((over) => session.regenerate(over))
      expect(await sidsOf(store, 'ann')).to.deep.equal(['three'])
      await store.clear()
      expect(await sidsOf(store, 'ann')).to.deep.equal([])
    })

    it('are not seen by what walks all sessions', async () => {
      const store = makeIndexed()
      for (const sid of ['one', 'two']) await login(store, sid, 'ann')
      expect(await store.length()).to.equal(2)
      expect(await store.ids()).to.have.members(['one', 'two'])
      expect(await store.all()).to.have.length(2)
    })

    it('merges of two requests count: each gave a part of the value', async () => {
      const indexByBoth = (session: SessionData) => {
        const { tenant, user } = session as Data
        return `${tenant}:${user}`
      }
      const store = makeStore({ indexBy: indexByBoth })
      await store.set('sid', data({ tenant: 't1', user: 'u1' }))
      const [one, two] = [await open(store, 'sid'), await open(store, 'sid')]
      await save(Object.assign(one, { tenant: 't2' }))
      await save(Object.assign(two, { user: 'u2' }))
      expect(await sidsOf(store, 't2:u2')).to.deep.equal(['sid'])
      for (const value of ['t1:u1', 't2:u1', 't1:u2']) {
        expect(await sidsOf(store, value), value).to.deep.equal([])
      }
    })

    it('end all at once, or all but one, or one by its handle', async () => {
      const store = makeIndexed()
      for (const sid of ['a', 'b', 'c', 'd']) await login(store, sid, 'ann')
      await login(store, 'e', 'bob')
      const { handle } = (await store.findBy('ann')).find(({ sid }) => sid === 'b') as {
        handle: string
      }
      expect(await store.destroyBy('ann', { only: handle })).to.equal(1)
      expect(await sidsOf(store, 'ann')).to.have.members(['a', 'c', 'd'])
      expect(await store.destroyBy('ann', { except: 'c' })).to.equal(2)
      expect(await sidsOf(store, 'ann')).to.deep.equal(['c'])
      expect(await store.destroyBy('ann')).to.equal(1)
      expect(await store.ids()).to.deep.equal(['e'])
      expect(await store.destroyBy('ann')).to.equal(0)
    })

    it('stay ended against the requests that have them', async () => {
      const store = makeIndexed()
      await login(store, 'sid', 'ann')
      const session = await open(store, 'sid')
      await store.destroyBy('ann')
      await save(Object.assign(session, { more: 1 }))
      await touch(session)
      expect(await store.ids()).to.deep.equal([])
    })

    it('show nothing wrong where entries are stale', async () => {
      const store = makeIndexed()
      const plain = makeStore({ prefix: store.prefix })
      for (const sid of ['gone', 'changed', 'kept']) await login(store, sid, 'ann')
      await plain.destroy('gone')
      await plain.set('changed', data({ user: 'bob' }))
      expect(await sidsOf(store, 'ann')).to.deep.equal(['kept'])
      expect(await store.destroyBy('ann')).to.equal(1)
      expect(await store.ids()).to.deep.equal(['changed'])
    })

    it('are found to their end, though a slow request that knew a longer life touches them', async () => {
      const store = makeIndexed()
      await store.set('sid', data())
      const slow = await open(store, 'sid')
      const session = await open(store, 'sid')
      session.cookie.maxAge = 60_000
      await save(Object.assign(session, { user: 'ann' }))
      expireAt(slow, Date.now() + 2 * ONE_HOUR_MS)
      await touch(slow)
      const left = Number(await ask(client, 'PTTL', `${store.prefix}sid`))
      const score = Number(await ask(client, 'ZSCORE', `by:${store.prefix}ann`, 'sid'))
      expect(score).to.be.above(Date.now() + left)
    })

    it('are at most so many: who was there longest without use is ended', async () => {
      const store = makeIndexed({ maxSessions: 3 })
      const evicted = heard<{ sid: string; value: string }>(store, 'evicted')
      for (const sid of ['a', 'b', 'c']) await login(store, sid, 'ann')
      const used = await open(store, 'a')
      expireAt(used, Date.now() + 24 * ONE_HOUR_MS)
      await touch(used)
      await login(store, 'd', 'ann')
      expect(await sidsOf(store, 'ann')).to.have.members(['a', 'c', 'd'])
      expect(evicted).to.deep.equal([{ sid: 'b', value: 'ann' }])
      await store.destroy('c')
      await login(store, 'e', 'ann')
      await login(store, 'a', 'ann')
      expect(evicted).to.have.length(1)
    })

    it('are at most so many: one more is rejected', async () => {
      const store = makeIndexed({ maxSessions: { limit: 2, whenFull: 'reject' } })
      for (const sid of ['a', 'b']) await login(store, sid, 'ann')
      const error = await rejection(login(store, 'c', 'ann'))
      expect(error).to.be.an.instanceOf(TooManySessionsError)
      expect(error).to.include({ code: 'ETOOMANYSESSIONS', limit: 2 })
      expect(await sidsOf(store, 'ann')).to.have.members(['a', 'b'])
      await store.destroy('a')
      await login(store, 'c', 'ann')
      expect(await sidsOf(store, 'ann')).to.have.members(['b', 'c'])
    })

    it('are at most so many where 64 log in at the same moment', async () => {
      const stores = [makeIndexed({ maxSessions: 3 })]
      const [store] = stores as [SolidisStore]
      stores.push(makeIndexed({ maxSessions: 3, prefix: store.prefix }))
      const logins = Array.from({ length: 64 }, (_, i) =>
        login(stores[i % 2] as SolidisStore, `sid ${i}`, 'ann'),
      )
      await Promise.all(logins)
      expect(await store.length()).to.equal(3)
      expect(await sidsOf(store, 'ann')).to.have.length(3)
    })

    it('have a key of their own only with indexBy', async () => {
      const store = makeStore({ prefix: freshPrefix() })
      await login(store, 'sid', 'ann')
      expect(Number(await ask(client, 'EXISTS', `by:${store.prefix}ann`))).to.equal(0)
      const indexed = makeIndexed({ prefix: freshPrefix() })
      await login(indexed, 'sid', 'ann')
      expect(Number(await ask(client, 'EXISTS', `by:${indexed.prefix}ann`))).to.equal(1)
    })
  })
}
