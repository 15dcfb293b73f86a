import { expect } from 'chai'
import type { SessionData } from 'express-session'
import type { SessionWithId, SolidisStore } from '../../lib/index.ts'
import {
  ask,
  attributesOf,
  type Data,
  data,
  expireAt,
  ONE_HOUR_MS,
  open,
  save,
  stored,
  touch,
} from '../support/requests.ts'
import { SERIALIZERS } from '../support/serializers.ts'
import { heard, POLICIES, SID, useStores } from '../support/two-sessions.ts'

/** The only session of a store, as `all` gives it. */
async function listed(store: SolidisStore): Promise<SessionWithId & Data> {
  const [session, ...others] = await store.all()
  expect(others).to.have.length(0)
  return session as SessionWithId & Data
}

for (const [name, makeSerializer] of SERIALIZERS) {
  describe(`a session that all gives, with ${name}`, () => {
    const { client, key, life, makeStore, twoStores } = useStores()
    const options = () => ({ serializer: makeSerializer() })
    const attributesIn = async (store: SolidisStore) => attributesOf((await store.get(SID)) as Data)

    it('has the date that Redis will apply, as a Date', async () => {
      const store = makeStore(options())
      await store.set(SID, data())
      const session = await open(store, SID)
      expireAt(session, Date.now() + 5 * ONE_HOUR_MS)
      await touch(session)
      const { expires } = (await listed(store)).cookie
      expect(expires).to.be.an.instanceof(Date)
      expect(Number(expires)).to.be.closeTo(Date.now() + (await life()), ONE_HOUR_MS)
      expect(Number(expires)).to.be.above(Date.now() + 4.5 * ONE_HOUR_MS)
    })

    it('may be changed and set, and keeps the life that others give it', async () => {
      const [store, other] = await twoStores({ a: 1 }, options())
      const session = await listed(store)
      const page = await open(other, SID)
      expireAt(page, Date.now() + 5 * ONE_HOUR_MS)
      await touch(page)
      await store.set(session.id, Object.assign(session, { banner: 'at noon' }))
      expect(await attributesIn(other)).to.deep.equal({ a: 1, banner: 'at noon' })
      expect(await life()).to.be.above(4.5 * ONE_HOUR_MS)
    })

    it('undoes no logout', async () => {
      const [store, other] = await twoStores({ a: 1 }, options())
      const gone = heard(store, 'gone')
      const session = await listed(store)
      await other.destroy(SID)
      await store.set(session.id, Object.assign(session, { a: 2 }))
      expect(await ask(client, 'EXISTS', key())).to.equal(0)
      expect(gone).to.deep.equal([{ sid: SID }])
    })

    it('is merged with what others change', async () => {
      const [store, other] = await twoStores({ a: 1, b: 1 }, options())
      const session = await listed(store)
      await save(Object.assign(await open(other, SID), { a: 2 }))
      await store.set(session.id, Object.assign(session, { b: 3 }))
      await store.set(session.id, Object.assign(session, { c: 4 }))
      expect(await attributesIn(other)).to.deep.equal({ a: 2, b: 3, c: 4 })
    })
  })
}

describe('the id that all gives', () => {
  const { client, key, makeStore, twoStores } = useStores()
  const payload = async () => JSON.parse(String(await ask(client, 'GET', key())))

  for (const [policy, onConflict] of POLICIES) {
    it(`does not get into the payload (${policy})`, async () => {
      const store = makeStore({ onConflict })
      await store.set(SID, data({ a: 1 }))
      const session = await listed(store)
      expect(session.id).to.equal(SID)
      for (const a of [2, 3]) {
        await store.set(session.id, Object.assign(session, { a }))
        expect(await payload())
          .to.include({ a })
          .and.not.have.property('id')
      }
      await store.touch(session.id, session)
      expect(await payload()).not.to.have.property('id')
    })

    it(`leaves an attribute id of the session's own as it was (${policy})`, async () => {
      const store = makeStore({ onConflict })
      await store.set(SID, data({ a: 1, id: 'mine' }))
      const session = await listed(store)
      expect(session.id).to.equal(SID)
      await store.set(session.id, Object.assign(session, { a: 2 }))
      expect(await payload()).to.include({ a: 2, id: 'mine' })
      expect((await store.get(SID)) as Data).to.include({ a: 2, id: 'mine' })
    })
  }

  it('is none of what is merged with others', async () => {
    const [store, other] = await twoStores({ a: 1, id: 'mine' })
    const session = await listed(store)
    await other.update(SID, (fresh) => void Object.assign(fresh, { id: 'theirs' }))
    await store.set(session.id, Object.assign(session, { a: 2 }))
    expect(await stored(store, SID)).to.deep.equal({ a: 2, id: 'theirs' })
  })

  it('does not get into the cookie that a touch writes', async () => {
    const store = makeStore()
    await store.set(SID, data({ a: 1 }))
    const session = await listed(store)
    Object.assign(session.cookie, { originalMaxAge: 2 * ONE_HOUR_MS })
    await store.touch(session.id, session as SessionData)
    expect(await stored(store, SID)).to.deep.equal({ a: 1 })
    expect((await payload()).cookie.originalMaxAge).to.equal(2 * ONE_HOUR_MS)
  })
})

describe('all', () => {
  const { client, makeStore } = useStores()

  it('leaves out what has gone between SCAN and GET', async () => {
    const store = makeStore({
      client: {
        async send(commands) {
          const replies = await client.send(commands)
          if (commands[0]?.[0] === 'SCAN') await client.send([['DEL', `${store.prefix}2`]])
          return replies
        },
      },
    })
    await Promise.all(['1', '2', '3'].map((sid) => store.set(sid, data())))
    expect((await store.all()).map(({ id }) => id).sort()).to.deep.equal(['1', '3'])
  })

  it('never shows the tag', async () => {
    const store = makeStore()
    await store.set(SID, data({ a: 1 }))
    expect(Object.keys(await listed(store)).sort()).to.deep.equal(['a', 'cookie', 'id'])
  })
})
