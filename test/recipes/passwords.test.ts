import { expect } from 'chai'
import type { SessionData } from 'express-session'
import request from 'supertest'
import { SolidisStore } from '../../lib/index.ts'
import { nodeRedisKind } from '../support/clients.ts'
import { killApps } from '../support/example-app.ts'
import { cookieOf, startRecipe, useRedis } from '../support/recipe-site.ts'

const password = 'wonderland'

describe('the recipes for passwords', function () {
  this.timeout(60_000)
  const redis = useRedis()
  afterEach(() => killApps())

  async function logIn(url: string, password: string) {
    const user = request.agent(url)
    const answer = await user.post('/login').send({ user: 'ann', password }).expect(200)
    return { user, cookie: cookieOf(answer) }
  }
  const status = async (url: string, path: string, cookie: string) =>
    (await request(url).get(path).set('Cookie', cookie)).status

  async function readSession(cookie: string): Promise<SessionData> {
    const { client, close } = await nodeRedisKind.connect(redis.url)
    const session = (await new SolidisStore({ client }).get(sidOf(cookie))) as SessionData
    close()
    return session
  }

  /** A copy is written whatever there was. */
  async function writeSession(cookie: string, session: SessionData): Promise<void> {
    const { client, close } = await nodeRedisKind.connect(redis.url)
    const indexBy = (session: SessionData) => (session as { user?: string }).user
    await new SolidisStore({ client, indexBy }).set(sidOf(cookie), { ...session })
    close()
  }

  it('password-change ends all others, or all, and what was begun by the old one', async () => {
    const { url } = await startRecipe('password-change.mjs', { REDIS_URL: redis.url })
    const [mine, other] = [await logIn(url, password), await logIn(url, password)]
    const late = await readSession(other.cookie)

    const change = { password, newPassword: 'looking glass' }
    await mine.user
      .put('/password')
      .send({ ...change, password: 'guess' })
      .expect(403)
    expect(await status(url, '/profile', other.cookie)).to.equal(200)
    await mine.user.put('/password').send(change).expect(200, { ended: 1 })
    await mine.user.get('/profile').expect(200, { user: 'ann' })
    expect(await status(url, '/profile', mine.cookie), 'the id before').to.equal(401)
    expect(await status(url, '/profile', other.cookie)).to.equal(401)

    // As a login would that had checked the old password before.
    await writeSession(other.cookie, late)
    expect(await status(url, '/profile', other.cookie)).to.equal(401)

    const { body } = await request(url).post('/forgot').send({ user: 'ann' }).expect(200)
    const reset = () => request(url).post(`/reset/${body.link}`).send({ newPassword: 'red queen' })
    await reset().expect(200, { ended: 2 })
    await reset().expect(404)
    await mine.user.get('/profile').expect(401)
    await logIn(url, 'red queen')
  })

  it('reauthentication asks again, in time, and ends what guesses', async () => {
    const { url } = await startRecipe('reauthentication.mjs', { REDIS_URL: redis.url })
    const { user, cookie } = await logIn(url, password)
    await user.get('/payments').expect(200)
    await user.delete('/account').expect(200)

    const session = await readSession(cookie)
    await writeSession(cookie, { ...session, confirmedAt: Date.now() - 300_000 } as SessionData)
    await user
      .post('/cart')
      .send({ cart: ['book'] })
      .expect(200)
    await user.delete('/account').expect(403)
    await user
      .get('/payments')
      .set('Accept', 'text/html')
      .expect(303)
      .expect('Location', '/confirm')
    await user.get('/confirm').expect(200, /<form/)
    await user.post('/confirm').type('form').send({ password: 'guess' }).expect(403)
    await user.get('/payments').expect(403)
    const confirmed = user.post('/confirm').type('form').send({ password })
    const after = cookieOf(await confirmed.expect(303).expect('Location', '/payments'))
    expect(after).not.to.equal(cookie)
    await user
      .get('/payments')
      .set('Accept', 'text/html')
      .expect(200, /How you pay/)
    await user.delete('/account').expect(200)
    await user.get('/account').expect(200, { user: 'ann', cart: ['book'] })
    expect(await status(url, '/account', cookie), 'the id before').to.equal(401)

    const guesses = Array.from({ length: 20 }, () => user.post('/confirm').send({ password: '?' }))
    const answers = (await Promise.all(guesses)).map(({ status }) => status)
    expect(answers.filter((status) => status === 403)).to.have.length.at.most(5)
    await user.get('/account').expect(401)
  })
})

function sidOf(cookie: string): string {
  return /s%3A([\w-]+)/.exec(cookie)?.[1] as string
}
