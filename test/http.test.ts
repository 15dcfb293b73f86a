import { expect } from 'chai'
import type { SessionData } from 'express-session'
import { agent } from 'supertest'
import { type SolidisLike, SolidisStore, type SolidisStoreOptions } from '../lib/index.ts'
import { mainKind, type TestClient } from './support/clients.ts'
import { eventually } from './support/eventually.ts'
import { freshPrefix } from './support/redis.ts'
import { ONE_HOUR_MS } from './support/requests.ts'
import { createSite, logIn } from './support/site.ts'

describe('through express-session over HTTP', () => {
  let tested: TestClient

  before(async () => {
    tested = await mainKind.connect()
  })
  after(() => tested.close())

  function createStore(options: Partial<SolidisStoreOptions> = {}): SolidisStore {
    return new SolidisStore({ client: tested.client, prefix: freshPrefix(), ...options })
  }

  const expiresOf = async (store: SolidisStore, sid: string) => {
    const { cookie } = (await store.get(sid)) as SessionData
    return cookie.expires ? new Date(cookie.expires).getTime() : null
  }

  it('logs in, shows the profile, and logs out', async () => {
    const store = createStore()
    const { browser, sid } = await logIn(createSite({ store }))
    await browser.get('/profile').expect(200)
    expect(await store.get(sid)).to.include({ user: 'ann' })
    await browser.post('/logout').expect(200)
    expect(await store.exists(sid)).to.equal(false)
    await browser.get('/profile').expect(401)
  })

  it('regenerates: a new id, and nothing under the old one', async () => {
    const store = createStore()
    const { browser, sid } = await logIn(createSite({ store }))
    const { body } = await browser.post('/login/bob').expect(200)
    expect(body.sid).not.to.equal(sid)
    expect(await store.ids()).to.deep.equal([body.sid])
    expect((await browser.get('/profile').expect(200)).body.user).to.equal('bob')
  })

  it('reloads what Redis holds, and forgets what was not saved', async () => {
    const store = createStore()
    const { browser, sid } = await logIn(createSite({ store }))
    await browser.post('/note/kept').expect(200)
    expect((await browser.post('/reload').expect(200)).body.note).to.equal('kept')
    expect(await store.get(sid)).to.include({ note: 'kept' })
  })

  it('fails to reload a session that is gone', async () => {
    const store = createStore()
    const app = createSite({ store })
    const { browser, sid } = await logIn(app)
    const get = store.get.bind(store)
    // The middleware loads it first, and then the route finds it gone.
    const gone: string[] = []
    store.get = ((id: string, callback: (error: unknown) => void) => {
      get(id, (error, session) => {
        if (gone.length > 0) return callback(error)
        gone.push(id)
        store.destroy(id, () => (callback as (e: unknown, s: unknown) => void)(error, session))
      })
    }) as typeof store.get
    const { body } = await browser.post('/reload').expect(500)
    expect(body.message).to.equal('failed to load session')
    expect(gone).to.deep.equal([sid])
  })

  it('lets a session expire to the millisecond: 50 of them', async () => {
    const store = createStore()
    const app = createSite({ store, cookie: { maxAge: 50 } })
    const { browser, sid } = await logIn(app)
    await eventually(async () => !(await store.exists(sid)))
    await browser.get('/profile').expect(401)
  })

  it('touches on every request, as the next get shows', async () => {
    const store = createStore()
    const { browser, sid } = await logIn(createSite({ store, cookie: { maxAge: ONE_HOUR_MS } }))
    const before = (await expiresOf(store, sid)) as number
    await eventually(async () => {
      await browser.get('/profile').expect(200)
      return ((await expiresOf(store, sid)) as number) > before + 20
    })
  })

  it('leaves a cookie without a date without one', async () => {
    const store = createStore()
    const { browser, sid } = await logIn(createSite({ store }))
    await browser.get('/profile').expect(200)
    expect(await expiresOf(store, sid)).to.equal(null)
  })

  it('lets a session end with the browser by cookie.expires = false', async () => {
    const store = createStore()
    const { browser, sid } = await logIn(createSite({ store, cookie: { maxAge: ONE_HOUR_MS } }))
    await browser.post('/until-closed').expect(200)
    expect(await expiresOf(store, sid)).to.equal(null)
    await browser.post('/note/kept').expect(200)
    await browser.get('/profile').expect(200)
    expect(await store.get(sid)).to.include({ user: 'ann', note: 'kept' })
    expect(await expiresOf(store, sid)).to.equal(null)
  })

  it('sends a new cookie with every answer when rolling', async () => {
    const options = { cookie: { maxAge: ONE_HOUR_MS } }
    const rolling = await logIn(createSite({ ...options, store: createStore(), rolling: true }))
    const resting = await logIn(createSite({ ...options, store: createStore() }))
    const sends = async ({ browser }: typeof rolling) =>
      'set-cookie' in (await browser.get('/profile').expect(200)).headers
    expect(await sends(rolling)).to.equal(true)
    expect(await sends(resting)).to.equal(false)
  })

  it('stores what is uninitialized only if it should', async () => {
    for (const saveUninitialized of [true, false]) {
      const store = createStore()
      await agent(createSite({ store, saveUninitialized })).get('/profile').expect(401)
      expect(await store.length()).to.equal(saveUninitialized ? 1 : 0)
    }
  })

  it("destroys a session that was unset, with unset: 'destroy'", async () => {
    for (const unset of ['destroy', 'keep'] as const) {
      const store = createStore()
      const { browser, sid } = await logIn(createSite({ store, unset }))
      await browser.post('/unset').expect(200)
      expect(await store.exists(sid), unset).to.equal(unset === 'keep')
    }
  })

  it('extends the life, and overwrites nothing, with resave: true', async () => {
    const store = createStore()
    const app = createSite({ store, resave: true, cookie: { maxAge: ONE_HOUR_MS } })
    const { browser, sid } = await logIn(app)
    const before = (await expiresOf(store, sid)) as number
    await eventually(async () => {
      await browser.get('/profile').expect(200)
      return ((await expiresOf(store, sid)) as number) > before + 20
    })
    await store.update(sid, (session) => Object.assign(session, { note: 'from a job' }))
    await browser.get('/profile').expect(200)
    expect(await store.get(sid)).to.include({ user: 'ann', note: 'from a job' })
  })

  it('gives a request the error of Redis', async () => {
    let refusal: Error | undefined
    const client: SolidisLike = {
      send: async (commands) =>
        refusal ? commands.map(() => [refusal]) : tested.client.send(commands),
    }
    const { browser } = await logIn(createSite({ store: createStore({ client }) }))
    refusal = new Error('LOADING Redis is loading the dataset in memory')
    const { body } = await browser.get('/profile').expect(500)
    expect(body).to.include({ code: 'LOADING', message: `GET failed: ${refusal.message}` })
  })

  it('takes what is no text under the key of a session for no session', async () => {
    const store = createStore()
    const { browser, sid } = await logIn(createSite({ store }))
    await store.destroy(sid)
    await tested.client.send([['LPUSH', store.prefix + sid, 'x']])
    await browser.get('/profile').expect(401)
    await browser.post('/login/ann').expect(200)
    await browser.get('/profile').expect(200)
  })
})
