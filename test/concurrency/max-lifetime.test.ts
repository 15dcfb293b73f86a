import { expect } from 'chai'
import { keyOf, sealed, textIn } from '../support/encrypted.ts'
import { ask, data, equip, expireAt, ONE_HOUR_MS, open, save, touch } from '../support/requests.ts'
import { heard, SID, useStores } from '../support/two-sessions.ts'

/** Less than the hour of a cookie. */
const MAX_S = 600
const MAX_MS = MAX_S * 1000

const prefixIn = (key: string) => key.slice(0, -SID.length)

describe('maxLifetime', () => {
  const { client, key, life, makeStore } = useStores()
  const limited = (options = {}) => makeStore({ maxLifetime: MAX_S, ...options })
  const stored = async () => textIn(prefixIn(key()), SID, await ask(client, 'GET', key()))
  const put = (text: string) => ask(client, 'SET', key(), sealed(prefixIn(key()), SID, text))
  const stamp = async () => Number.parseInt(JSON.parse(await stored()).$solidis.split('.')[2], 36)

  it('ends a session at an age, however often it is touched and saved', async () => {
    const store = limited()
    const before = Date.now()
    await store.set(SID, data())
    const created = await stamp()
    expect(created).to.be.within(before, Date.now())
    for (const days of [1, 2]) {
      const session = await open(store, SID)
      expireAt(session, Date.now() + days * 24 * ONE_HOUR_MS)
      await touch(session)
      expect(await life()).to.be.at.most(MAX_MS)
      await save(Object.assign(session, { days }))
      expect(await life()).to.be.at.most(MAX_MS)
      await store.update(SID, (fresh) => expireAt(fresh, Date.now() + days * 25 * ONE_HOUR_MS))
      expect(await life()).to.be.within(1, MAX_MS)
    }
    expect(await stamp()).to.equal(created)
    const expires = (await store.get(SID))?.cookie.expires as Date
    expect(new Date(expires).getTime()).to.be.at.most(created + MAX_MS + 1000)
  })

  it('shows nothing to the app', async () => {
    const store = limited()
    await store.set(SID, data({ a: 1 }))
    expect(Object.keys((await store.get(SID)) as object)).to.have.members(['cookie', 'a'])
    expect(Object.keys((await store.all())[0] as object)).to.have.members(['cookie', 'a', 'id'])
  })

  it('counts from the first write for a session that was there before', async () => {
    await makeStore().set(SID, data())
    const store = limited()
    const session = await open(store, SID)
    expect(await life()).to.be.above(MAX_MS)
    await save(Object.assign(session, { a: 1 }))
    expect(await life()).to.be.at.most(MAX_MS)
    const created = await stamp()
    await save(Object.assign(session, { a: 2 }))
    expect(await stamp()).to.equal(created)
  })

  it('keeps the older of two times where two requests are merged', async () => {
    await makeStore().set(SID, data())
    const store = limited()
    const [one, two] = [await open(store, SID), await open(store, SID)]
    await save(Object.assign(one, { one: 1 }))
    const created = await stamp()
    await new Promise((over) => setTimeout(over, 20))
    await save(Object.assign(two, { two: 1 }))
    expect(await store.get(SID)).to.include({ one: 1, two: 1 })
    expect(await stamp()).to.equal(created)
    expect(await life()).to.be.at.most(MAX_MS)
  })

  it('is counted anew after regenerate', async () => {
    const store = equip(limited())
    await store.set(SID, data())
    const created = await stamp()
    await new Promise((over) => setTimeout(over, 20))
    const session = await open(store, SID)
    const { req } = session as unknown as { req: { session: typeof session } }
    await new Promise((over) => session.regenerate(over))
    await save(Object.assign(req.session, { a: 1 }))
    const { id } = req.session
    const payload = await ask(client, 'GET', keyOf(store, id))
    const text = textIn(store.prefix, id, payload)
    expect(Number.parseInt(JSON.parse(text).$solidis.split('.')[2], 36)).to.be.above(created)
  })

  it('is kept where a plain object is set by hand, and by who keeps attributes, as connect-redis does', async () => {
    const store = limited()
    await store.set(SID, data())
    const created = await stamp()
    await new Promise((over) => setTimeout(over, 20))
    await store.set(SID, data({ a: 1 }))
    expect(await stamp()).to.equal(created)
    await put(JSON.stringify({ ...JSON.parse(await stored()), b: 1 }))
    const session = await open(store, SID)
    await save(Object.assign(session, { c: 1 }))
    expect(await stamp()).to.equal(created)
    expect(await store.get(SID)).to.include({ a: 1, b: 1, c: 1 })
  })

  it('ends one that was allowed to live for longer', async () => {
    await makeStore({ maxLifetime: 2 * MAX_S }).set(SID, data())
    const payload = JSON.parse(await stored())
    const [digest, writeId] = payload.$solidis.split('.')
    const born = (Date.now() - 1.5 * MAX_MS).toString(36)
    payload.$solidis = [digest, writeId, born].join('.')
    await put(JSON.stringify(payload))
    expect(await makeStore({ maxLifetime: 2 * MAX_S }).get(SID)).to.be.an('object')
    expect(await limited().get(SID)).to.equal(null)
  })

  it('lets what never expires end', async () => {
    const store = limited({ disableTTL: true })
    await store.set(SID, data())
    expect(await life()).to.be.within(1, MAX_MS)
    const gone = heard(store, 'gone')
    await touch(await open(store, SID))
    expect(gone).to.deep.equal([])
  })
})
