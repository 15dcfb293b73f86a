import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifySessionOptions } from '@fastify/session'
import { expect } from 'chai'
import { Cookie } from 'express-session'
import { type SolidisLike, SolidisStore, type SolidisStoreOptions } from '../lib/index.ts'
import { clientKinds, mainKind, type TestClient } from './support/clients.ts'
import { eventually } from './support/eventually.ts'
import { Browser, FastifySite, type Step } from './support/fastify-site.ts'
import { freshPrefix } from './support/redis.ts'
import { ask, ONE_HOUR_MS, stored } from './support/requests.ts'
import { isRead } from './support/scripts.ts'

const save: Step = { call: 'save' }
const reload: Step = { call: 'reload' }
const regenerate: Step = { call: 'regenerate' }
const destroy: Step = { call: 'destroy' }
const wait: Step = { wait: 'test' }
const login: Step[] = [regenerate, { set: { user: 'ann' } }]

function times<T>(count: number, make: (i: number) => T): T[] {
  return Array.from({ length: count }, (_, i) => make(i))
}

for (const kind of clientKinds) {
  describe(`through @fastify/session over HTTP, by ${kind.name}`, () => {
    let tested: TestClient
    let store: SolidisStore
    let site: FastifySite

    before(async function () {
      if (kind.missing !== undefined) return this.skip()
      tested = await kind.connect()
      store = new SolidisStore({ client: tested.client, prefix: freshPrefix() })
      site = await FastifySite.start(store)
    })
    after(async () => {
      await site?.stop()
      tested?.close()
    })

    it('logs in, shows the profile, and logs out', async () => {
      const browser = new Browser()
      const { sid } = await browser.ask(site, ...login)
      expect(await browser.ask(site)).to.deep.include({ sid, attributes: { user: 'ann' } })
      expect(await store.get(sid)).to.include({ user: 'ann' })
      expect(await browser.ask(site, destroy)).to.equal(null)
      expect(await store.exists(sid)).to.equal(false)
      expect((await browser.ask(site)).attributes).to.deep.equal({})
    })

    it('keeps the changes of two requests at once, deletions too', async () => {
      const browser = new Browser()
      const { sid } = await browser.ask(site, { set: { user: 'ann', one: 1, two: 2 } })
      const slow = browser.ask(site, wait, { set: { slow: true } }, { delete: 'one' })
      await site.waiting(1)
      await browser.ask(site, { set: { quick: true } }, { delete: 'two' })
      site.release()
      await slow
      expect(await stored(store, sid)).to.deep.equal({ user: 'ann', slow: true, quick: true })
    })

    it('lets a logout beside a slow request be one', async () => {
      const browser = new Browser()
      const { sid } = await browser.ask(site, ...login)
      const slow = browser.ask(site, wait, { set: { slow: true } })
      await site.waiting(1)
      await new Browser(browser.cookie).ask(site, destroy)
      site.release()
      await slow
      expect(await store.exists(sid)).to.equal(false)
      expect((await browser.ask(site)).attributes).to.deep.equal({})
    })
  })
}

describe('through @fastify/session', () => {
  let tested: TestClient
  let prefix: string
  const sites: FastifySite[] = []

  before(async () => {
    tested = await mainKind.connect()
  })
  after(() => tested.close())

  beforeEach(() => {
    prefix = freshPrefix()
  })
  afterEach(async () => {
    await Promise.all(sites.splice(0).map((site) => site.stop()))
  })

  function createStore(options: Partial<SolidisStoreOptions> = {}): SolidisStore {
    return new SolidisStore({ client: tested.client, prefix, ...options })
  }

  async function start(
    store: SolidisStore,
    options: Partial<FastifySessionOptions> = {},
  ): Promise<FastifySite> {
    const site = await FastifySite.start(store, options)
    sites.push(site)
    return site
  }

  const remainingMs = async (sid: string) => Number(await ask(tested.client, 'PTTL', prefix + sid))

  it('adds no attribute to a session, neither for the app nor in Redis', async () => {
    const store = createStore()
    const site = await start(store)
    const browser = new Browser()
    await browser.ask(site, { set: { user: 'ann' } }, save)
    const { sid, names } = await browser.ask(site, { set: { note: 1 } }, save, reload, save)
    expect(names).to.have.members(['cookie', 'user', 'note'])
    const payload = JSON.parse(String(await ask(tested.client, 'GET', prefix + sid)))
    expect(payload).to.have.all.keys('cookie', 'user', 'note', '$solidis')
    const known = ['expires', 'originalMaxAge', 'originalExpires', 'sameSite', 'secure', 'path']
    expect([...known, 'httpOnly', 'domain', 'partitioned']).to.include.members(
      Object.keys(payload.cookie),
    )
  })

  for (const saveUninitialized of [true, false]) {
    it(`keeps what is new and empty if asked to: ${saveUninitialized}`, async () => {
      const store = createStore()
      const site = await start(store, { saveUninitialized })
      const browser = new Browser()
      const { sid } = await browser.ask(site)
      expect(await store.exists(sid)).to.equal(saveUninitialized)
      expect((await browser.ask(site)).sid === sid).to.equal(saveUninitialized)
    })
  }

  for (const how of [undefined, 'callback'] as const) {
    const called = (call: 'save' | 'reload' | 'destroy' | 'regenerate'): Step =>
      how === undefined ? { call } : { call, how }

    describe(`by its ${how ?? 'promise'}s`, () => {
      it('regenerates: a new id, and nothing under the old one', async () => {
        const store = createStore()
        const site = await start(store)
        const browser = new Browser()
        const { sid: old } = await browser.ask(site, { set: { user: 'ann' } })
        await browser.ask(site, called('regenerate'), { set: { user: 'bob' } })
        expect(browser.sid).not.to.equal(old)
        expect(await store.ids()).to.deep.equal([browser.sid])
        expect((await browser.ask(site)).attributes).to.deep.equal({ user: 'bob' })
      })

      it('reloads what Redis holds, and forgets what was not saved', async () => {
        const store = createStore()
        const site = await start(store)
        const browser = new Browser()
        const { sid } = await browser.ask(site, { set: { user: 'ann', old: 1 } })
        const slow = browser.ask(site, { set: { unsaved: 1 } }, wait, called('reload'), {
          set: { slow: 1 },
        })
        await site.waiting(1)
        await browser.ask(site, { set: { quick: 1 } }, { delete: 'old' })
        site.release()
        expect((await slow).attributes).to.deep.equal({ user: 'ann', quick: 1, slow: 1 })
        expect(await stored(store, sid)).to.deep.equal({ user: 'ann', quick: 1, slow: 1 })
      })

      it('saves in between, and takes back what it saved', async () => {
        const store = createStore()
        const site = await start(store)
        const browser = new Browser()
        const { sid } = await browser.ask(site, { set: { user: 'ann', state: 'idle' } })
        const saved = [{ set: { state: 'busy' } }, called('save')]
        const slow = browser.ask(site, ...saved, wait, { set: { state: 'idle' } })
        await site.waiting(1)
        expect(await stored(store, sid)).to.deep.equal({ user: 'ann', state: 'busy' })
        await browser.ask(site, { set: { quick: 1 } })
        site.release()
        await slow
        expect(await stored(store, sid)).to.deep.equal({ user: 'ann', state: 'idle', quick: 1 })
      })
    })
  }

  const beginnings: [string, Step[]][] = [
    ['new', [{ set: { user: 'ann' } }, save]],
    ['regenerated', login],
    ['loaded and regenerated', [{ set: { user: 'ann' } }, save, reload, ...login]],
  ]
  for (const [what, steps] of beginnings) {
    it(`a session that is ${what} and destroyed before the request ends stays gone`, async () => {
      const store = createStore()
      const site = await start(store)
      const browser = new Browser()
      if (what !== 'new') await browser.ask(site, { set: { user: 'ann' } })
      const slow = browser.ask(site, ...steps, wait, { set: { slow: 1 } })
      await site.waiting(1)
      const [sid] = (await store.ids()) as [string]
      await store.destroy(sid)
      site.release()
      await slow
      expect(await store.ids()).to.deep.equal([])
    })
  }

  it('a session that was found to be gone by reload stays gone', async () => {
    const store = createStore()
    const site = await start(store)
    const browser = new Browser()
    const { sid } = await browser.ask(site, { set: { user: 'ann' } })
    const slow = browser.ask(site, wait, reload, { set: { slow: 1 } })
    await site.waiting(1)
    await store.destroy(sid)
    site.release()
    await slow
    expect(await store.exists(sid)).to.equal(false)
  })

  it('knows a session again whose cookie is an object of a class', async () => {
    const parse = (text: string) => {
      const session = JSON.parse(text)
      return { ...session, cookie: Object.assign(new Cookie(), session.cookie) }
    }
    const store = createStore({ serializer: { parse, stringify: JSON.stringify } })
    const site = await start(store)
    const browser = new Browser()
    const { sid } = await browser.ask(site, { cookie: { expires: Date.now() + 60_000 } }, save)
    const slow = browser.ask(site, wait, { set: { slow: 1 } })
    await site.waiting(1)
    await browser.ask(site, { set: { quick: 1 } })
    site.release()
    await slow
    expect(await stored(store, sid)).to.deep.equal({ slow: 1, quick: 1 })
    expect(await remainingMs(sid)).to.be.within(...about(60_000))
  })

  it('a reload that fails writes nothing', async () => {
    let isDown = false
    const { client } = tested
    const failing: SolidisLike = {
      send: (commands) => {
        return isDown && commands.every(isRead)
          ? Promise.reject(new Error('down'))
          : client.send(commands)
      },
    }
    const store = createStore({ client: failing })
    const site = await start(store)
    const browser = new Browser()
    const { sid } = await browser.ask(site, { set: { user: 'ann' } })
    const slow = browser.fetch(site, wait, reload)
    await site.waiting(1)
    isDown = true
    site.release()
    expect((await slow).status).to.equal(500)
    isDown = false
    expect(await stored(store, sid)).to.deep.equal({ user: 'ann' })
    expect((await browser.ask(site)).attributes).to.deep.equal({ user: 'ann' })
  })

  it('fails where Redis does', async () => {
    const store = createStore({ client: { send: () => Promise.reject(new Error('down')) } })
    const site = await start(store)
    const browser = new Browser()
    expect((await browser.fetch(site, { set: { user: 'ann' } })).status).to.equal(500)
  })

  it('tells of no conflict where nobody changed anything', async () => {
    const site = await start(createStore({ onConflict: 'reject' }), { cookie: { maxAge: 60_000 } })
    const browser = new Browser()
    await browser.ask(site, { set: { user: 'ann' } })
    const slow = browser.ask(site, wait)
    await site.waiting(1)
    await browser.ask(site, { set: { quick: 1 } })
    site.release()
    await slow
  })

  it('refuses a change of what another has changed, if asked to', async () => {
    const site = await start(createStore({ onConflict: 'reject' }))
    const browser = new Browser()
    await browser.ask(site, { set: { user: 'ann' } })
    const slow = browser.fetch(site, wait, { set: { slow: 1 } })
    await site.waiting(1)
    await browser.ask(site, { set: { quick: 1 } })
    site.release()
    const response = await slow
    expect(response.status).to.equal(500)
    expect(await response.json()).to.include({ code: 'ECONFLICT' })
  })

  describe('how long a session lives', () => {
    it('is the maxAge of its cookie, to the millisecond', async () => {
      const store = createStore()
      const site = await start(store, { cookie: { maxAge: 50 } })
      const browser = new Browser()
      const { sid } = await browser.ask(site, { set: { user: 'ann' } })
      await eventually(async () => !(await store.exists(sid)))
      expect((await browser.ask(site)).attributes).to.deep.equal({})
    })

    it('is ttl where the cookie has no date, from each request on', async () => {
      const site = await start(createStore({ ttl: 60 }))
      const browser = new Browser()
      const { sid } = await browser.ask(site, { set: { user: 'ann' } })
      expect(await remainingMs(sid)).to.be.within(50_000, 60_000)
      await ask(tested.client, 'PEXPIRE', prefix + sid, '5000')
      await browser.ask(site)
      expect(await remainingMs(sid)).to.be.within(50_000, 60_000)
    })

    for (const rolling of [true, false]) {
      it(`counts from each request on if rolling is true: ${rolling}`, async () => {
        const site = await start(createStore(), { rolling, cookie: { maxAge: 60_000 } })
        const browser = new Browser()
        const { sid } = await browser.ask(site, { set: { user: 'ann' } })
        await ask(tested.client, 'PEXPIRE', prefix + sid, '30000')
        await browser.ask(site)
        expect(await remainingMs(sid)).to.be.within(...about(rolling ? 60_000 : 30_000))
        await browser.ask(site, { set: { changed: 1 } })
        expect(await remainingMs(sid)).to.be.within(...about(60_000))
      })
    }

    it('keeps a session of an active user beyond maxAge', async () => {
      const site = await start(createStore(), { cookie: { maxAge: 1000 } })
      const browser = new Browser()
      await browser.ask(site, { set: { user: 'ann' } })
      for (let i = 0; i < 6; i++) {
        await sleep(300)
        expect((await browser.ask(site)).attributes).to.deep.equal({ user: 'ann' })
      }
    })

    it('is not shortened by a request that takes longer than maxAge', async () => {
      const store = createStore()
      const site = await start(store, { cookie: { maxAge: 1000 } })
      const browser = new Browser()
      const { sid } = await browser.ask(site, { set: { user: 'ann' } })
      const slow = browser.ask(site, wait, { set: { slow: 1 } }, save, { wait: 'again' })
      for (let i = 0; i < 8; i++) {
        await sleep(300)
        await browser.ask(site)
        if (i === 3) site.release()
      }
      site.release()
      await slow
      expect(await stored(store, sid)).to.deep.equal({ user: 'ann', slow: 1 })
      expect(await remainingMs(sid)).to.be.within(800, 1000)
    })

    it('counts from the end of a request that has saved before', async () => {
      const site = await start(createStore(), { cookie: { maxAge: 1000 } })
      const browser = new Browser()
      const { sid } = await browser.ask(site, { set: { user: 'ann' } })
      const slow = browser.ask(site, wait, { set: { slow: 1 } }, save, { wait: 'again' })
      for (let i = 0; i < 2; i++) {
        await site.waiting(1)
        await sleep(300)
        site.release()
      }
      await slow
      expect(await remainingMs(sid)).to.be.within(800, 1000)
    })

    it('is what a request makes of maxAge, for good', async () => {
      const site = await start(createStore(), { cookie: { maxAge: 60_000 } })
      const browser = new Browser()
      const { sid } = await browser.ask(site, { set: { user: 'ann' } })
      await browser.ask(site, { cookie: { maxAge: ONE_HOUR_MS } }, { set: { remembered: 1 } })
      expect(await remainingMs(sid)).to.be.within(...about(ONE_HOUR_MS))
      expect((await browser.ask(site)).maxAge).to.be.within(...about(ONE_HOUR_MS))
      expect(await remainingMs(sid)).to.be.within(...about(ONE_HOUR_MS))
    })

    it('keeps what another has made of maxAge meanwhile', async () => {
      const site = await start(createStore(), { cookie: { maxAge: 60_000 } })
      const browser = new Browser()
      const { sid } = await browser.ask(site, { set: { user: 'ann' } })
      const slow = browser.ask(site, wait, { set: { slow: 1 } })
      await site.waiting(1)
      await browser.ask(site, { cookie: { maxAge: ONE_HOUR_MS } })
      site.release()
      await slow
      expect(await remainingMs(sid)).to.be.within(...about(ONE_HOUR_MS))
    })

    it('ends at the date that the app has set', async () => {
      const site = await start(createStore(), { cookie: { maxAge: ONE_HOUR_MS } })
      const browser = new Browser()
      const { sid } = await browser.ask(site, { set: { user: 'ann' } })
      await browser.ask(site, { cookie: { expires: Date.now() + 60_000 } })
      expect(await remainingMs(sid)).to.be.within(...about(60_000))
    })

    it('ends at the date of the cookie, whatever happens meanwhile', async () => {
      const store = createStore()
      const expires = new Date(Date.now() + 60_000)
      const site = await start(store, { cookie: { expires } })
      const browser = new Browser()
      const { sid } = await browser.ask(site, { set: { user: 'ann' } })
      const endsAt = await ask(tested.client, 'PEXPIRETIME', prefix + sid)
      expect(Number(endsAt)).to.be.closeTo(expires.getTime(), 50)
      for (let i = 0; i < 5; i++) await browser.ask(site, { set: { i } })
      expect(await ask(tested.client, 'PEXPIRETIME', prefix + sid)).to.equal(endsAt)
    })

    it('is over at once with a date in the past', async () => {
      const store = createStore()
      const site = await start(store, { cookie: { maxAge: 60_000 } })
      const browser = new Browser()
      const { sid } = await browser.ask(site, { set: { user: 'ann' } })
      await browser.ask(site, { cookie: { expires: 0 } })
      expect(await store.exists(sid)).to.equal(false)
    })
  })

  describe('races of two apps, with a client and a store each', () => {
    let other: TestClient
    let store: SolidisStore
    let slow: FastifySite
    let quick: FastifySite

    before(async () => {
      other = await mainKind.connect()
    })
    after(() => other.close())

    beforeEach(async () => {
      store = createStore()
      slow = await start(store)
      quick = await start(createStore({ client: other.client }))
    })

    const logInMany = (count: number) =>
      Promise.all(
        times(count, async () => {
          const browser = new Browser()
          await browser.ask(quick, ...login)
          return browser.cookie
        }),
      )

    it('100 logouts, each before a slower request writes: none comes back', async () => {
      const cookies = await logInMany(100)
      const changes = cookies.map((cookie, i) =>
        new Browser(cookie).ask(slow, { wait: String(i) }, { set: { slow: 1 } }),
      )
      await slow.waiting(100)
      await Promise.all(cookies.map((cookie) => new Browser(cookie).ask(quick, destroy)))
      slow.release()
      await Promise.all(changes)
      expect(await store.ids(), 'back to life').to.have.length(0)
    })

    it('100 logouts at the same moment as writes: none comes back', async () => {
      const cookies = await logInMany(100)
      await Promise.all(
        cookies.flatMap((cookie, i) => [
          new Browser(cookie).ask(i % 2 ? slow : quick, { set: { a: 1 } }),
          new Browser(cookie).ask(i % 3 ? slow : quick, destroy),
          new Browser(cookie).ask(i % 2 ? quick : slow, { set: { b: 1 } }, save, { set: { c: 1 } }),
        ]),
      )
      const sids = cookies.map((cookie) => new Browser(cookie).sid)
      const back = (await store.ids()).filter((sid) => sids.includes(sid))
      expect(back, 'back to life').to.have.length(0)
    })

    it('200 changes of one session at once: none is lost', async () => {
      const [cookie] = (await logInMany(1)) as [string]
      const changes = times(200, (i) =>
        new Browser(cookie).ask(
          i % 2 ? slow : quick,
          { wait: String(i) },
          { set: { [`n${i}`]: i } },
        ),
      )
      await Promise.all([slow.waiting(100), quick.waiting(100)])
      slow.release()
      quick.release()
      await Promise.all(changes)
      const expected = Object.fromEntries(times(200, (i) => [`n${i}`, i]))
      expect(await stored(store, new Browser(cookie).sid)).to.deep.equal({
        user: 'ann',
        ...expected,
      })
    })

    it('60 deletions, each before a slower request writes: none is undone', async () => {
      const browser = new Browser()
      await browser.ask(quick, { set: Object.fromEntries(times(60, (i) => [`a${i}`, i])) })
      const changes = times(60, (i) =>
        new Browser(browser.cookie).ask(slow, { wait: String(i) }, { set: { [`n${i}`]: i } }),
      )
      await slow.waiting(60)
      await Promise.all(times(60, (i) => browser.ask(quick, { delete: `a${i}` })))
      slow.release()
      await Promise.all(changes)
      const expected = Object.fromEntries(times(60, (i) => [`n${i}`, i]))
      expect(await stored(store, browser.sid)).to.deep.equal(expected)
    })

    it('60 updates from outside beside 60 requests: none is lost', async () => {
      const browser = new Browser()
      const { sid } = await browser.ask(quick, { set: { count: 0 } })
      await Promise.all([
        ...times(60, () =>
          store.update(sid, (s) => void (s as unknown as { count: number }).count++),
        ),
        ...times(60, (i) => browser.ask(i % 2 ? slow : quick, { set: { [`n${i}`]: i } })),
      ])
      const expected = Object.fromEntries(times(60, (i) => [`n${i}`, i]))
      expect(await stored(store, sid)).to.deep.equal({ count: 60, ...expected })
    })
  })
})

/** What a time to live of so many milliseconds may be by now. */
function about(ttlMs: number): [number, number] {
  return [ttlMs - 10_000, ttlMs]
}
