import { expect } from 'chai'
import { RedisStore } from 'connect-redis'
import { createClient } from 'redis'
import { agent } from 'supertest'
import { fromNodeRedis, SolidisStore } from '../lib/index.ts'
import { freshPrefix, redisUrl } from './support/redis.ts'
import { attributesOf, type Data, data, ONE_HOUR_MS } from './support/requests.ts'
import { createSite } from './support/site.ts'

describe('the swap with connect-redis', () => {
  let client: ReturnType<typeof connect>
  let theirs: RedisStore
  let ours: SolidisStore

  const connect = () => createClient({ url: redisUrl() })

  before(async () => {
    client = connect()
    await client.connect()
  })
  after(() => client.destroy())
  beforeEach(() => {
    const prefix = freshPrefix()
    theirs = new RedisStore({ client, prefix })
    ours = new SolidisStore({ client: fromNodeRedis(client), prefix })
  })

  /** Without the milliseconds that both take to ask: the date is that of Redis here, and not there. */
  const asJson = (sessions: object[]) =>
    sessions.map((session) => {
      const { cookie, ...attributes } = JSON.parse(JSON.stringify(session))
      return { ...attributes, cookie: { ...cookie, expires: typeof cookie.expires } }
    })

  const ATTRIBUTES = { user: 'ünïcode ✓', nested: { list: [1, null, 'x'] }, at: '2026-01-01' }

  it('reads what connect-redis wrote', async () => {
    await theirs.set('1', data(ATTRIBUTES))
    expect(attributesOf((await ours.get('1')) as object)).to.deep.equal(ATTRIBUTES)
    expect(asJson(await ours.all())).to.deep.equal(asJson(await theirs.all()))
    expect(await ours.ids()).to.deep.equal(['1'])
    expect(await ours.length()).to.equal(1)
  })

  it('is read by connect-redis', async () => {
    await ours.set('1', data(ATTRIBUTES))
    expect(attributesOf((await theirs.get('1')) as object)).to.deep.equal(ATTRIBUTES)
    const [{ $solidis, ...listed }] = (await theirs.all()) as unknown as [Data]
    expect(asJson([listed])).to.deep.equal(asJson(await ours.all()))
  })

  it('writes the same payload, but for the tag at its end, for the same life', async () => {
    const session = data(ATTRIBUTES)
    await theirs.set('1', session)
    await ours.set('2', session)
    const { prefix } = ours
    const [written, tag] = String(await client.get(`${prefix}2`)).split(',"$solidis":')
    expect(`${written}}`).to.equal(await client.get(`${prefix}1`))
    expect(tag).to.match(/^"[\w.-]+"}$/)
    const theirLife = await client.pTTL(`${prefix}1`)
    expect(await client.pTTL(`${prefix}2`)).to.be.within(theirLife - 60_000, theirLife + 60_000)
  })

  it('keeps users logged in through the middleware, there and back', async () => {
    const options = { cookie: { maxAge: ONE_HOUR_MS } }
    const before = createSite({ ...options, store: theirs })
    const after = createSite({ ...options, store: ours })
    const login = await agent(before).post('/login/ann').expect(200)
    const [cookie] = (login.headers['set-cookie'] as unknown as string[]).map(
      (c) => c.split(';')[0],
    )
    const as = (site: typeof before) => agent(site).set('Cookie', cookie as string)

    expect((await as(after).get('/profile').expect(200)).body.user).to.equal('ann')
    await as(after).post('/note/ours').expect(200)
    expect((await as(before).get('/profile').expect(200)).body.note).to.equal('ours')
    await as(before).post('/note/theirs').expect(200)
    expect((await as(after).get('/profile').expect(200)).body.note).to.equal('theirs')
    await as(after).post('/logout').expect(200)
    await as(before).get('/profile').expect(401)
  })
})
