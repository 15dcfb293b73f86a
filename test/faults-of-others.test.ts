import { expect } from 'chai'
import { SolidisStore, type SolidisStoreOptions } from '../lib/index.ts'
import { startRedis } from '../scripts/redis-server.js'
import { mainKind, type TestClient } from './support/clients.ts'
import { eventually } from './support/eventually.ts'
import { freshPrefix } from './support/redis.ts'
import { ask, data } from './support/requests.ts'
import { createSite, logIn } from './support/site.ts'

describe('what goes wrong with other stores', () => {
  let tested: TestClient

  before(async () => {
    tested = await mainKind.connect()
  })
  after(() => tested.close())

  function createStore(options: Partial<SolidisStoreOptions> = {}): SolidisStore {
    return new SolidisStore({ client: tested.client, prefix: freshPrefix(), ...options })
  }

  it('an active user stays logged in after a save, beyond the first maxAge', async () => {
    const store = createStore()
    const maxAge = 1500
    const { browser, sid } = await logIn(createSite({ store, cookie: { maxAge }, rolling: true }))
    const firstExpiry = Date.now() + maxAge
    // Being touched all the while, it has always more than a second to live.
    await eventually(async () => {
      await browser.get('/profile').expect(200)
      return Date.now() > firstExpiry
    })
    await browser.post('/save').expect(200)
    expect(await store.get(sid)).to.include({ user: 'ann' })
    await browser.get('/profile').expect(200)
  })

  it('one corrupt payload neither fails all() nor locks its user out', async () => {
    const store = createStore()
    const site = createSite({ store })
    const { browser, sid } = await logIn(site)
    const other = await logIn(site, 'bob')
    await ask(store.client, 'SET', store.prefix + sid, '{"cookie":{},"user":')
    const invalid: string[] = []
    store.on('invalid', (event: { sid: string }) => invalid.push(event.sid))

    expect((await store.all()).map(({ id }) => id)).to.deep.equal([other.sid])
    await browser.get('/profile').expect(401)
    expect(invalid).to.deep.equal([sid, sid])
    await browser.post('/login/ann').expect(200)
    await browser.get('/profile').expect(200)
  })

  it('a glob character in the prefix makes clear() delete no other keys', async () => {
    const base = freshPrefix()
    const store = createStore({ prefix: `${base}*:` })
    const neighbour = createStore({ prefix: `${base}other:` })
    await store.set('1', data())
    await neighbour.set('1', data())
    await store.clear()
    expect(await store.exists('1')).to.equal(false)
    expect(await neighbour.exists('1')).to.equal(true)
  })

  it('a TTL is not rounded to whole seconds', async () => {
    const store = createStore({ ttl: () => 1234.567 })
    await store.set('1', data())
    const life = Number(await ask(store.client, 'PTTL', `${store.prefix}1`))
    expect(life).to.be.greaterThan(1_200_000)
    expect(life).to.be.at.most(1_234_567)
    await store.set('2', { cookie: { originalMaxAge: 1 } } as never)
    const short = createStore({ ttl: () => 0.02 })
    await short.set('1', data())
    await eventually(async () => !(await short.exists('1')))
  })

  it('a frozen server does not hang requests', async () => {
    const redis = await startRedis()
    const { client, close } = await mainKind.connect(redis.url)
    const timeout = 100
    const store = new SolidisStore({ client, timeout })
    const { browser } = await logIn(createSite({ store }))
    process.kill(redis.pid as number, 'SIGSTOP')
    try {
      for (const _ of ['the first request', 'the second']) {
        const { body } = await browser.get('/profile').expect(500)
        expect(body).to.include({ name: 'RedisError', code: 'ETIMEDOUT' })
      }
    } finally {
      process.kill(redis.pid as number, 'SIGCONT')
    }
    await eventually(async () => (await browser.get('/profile')).status === 200)
    close()
    await redis.stop()
  })
})
