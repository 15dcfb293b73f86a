import { expect } from 'chai'
import request, { type Response } from 'supertest'
import { eventually } from '../support/eventually.ts'
import { startRecipe, useRedis } from '../support/recipe-site.ts'

const BROWSER = 'text/html,application/xhtml+xml,*/*;q=0.8'

describe('the recipe failing-redis', () => {
  const redis = useRedis()
  let url: string
  before(async function () {
    this.timeout(60_000)
    url = (await startRecipe('failing-redis.mjs', { REDIS_URL: redis.url })).url
  })

  const login = () => request(url).post('/login').send({ user: 'ann' })
  const isReady = async () => (await request(url).get('/ready')).status === 200

  it('answers what it should before, during and after a freeze of Redis, and without Redis', async function () {
    this.timeout(30_000)
    await eventually(async () => (await login()).status === 200)
    const user = request.agent(url)
    await user.post('/login').send({ user: 'ann' }).expect(200)
    await user.get('/api/profile').expect(200, { user: 'ann' })
    expect(await isReady()).to.equal(true)

    process.kill(redis.pid as number, 'SIGSTOP')
    try {
      // Each waits in vain, which opens the breaker.
      await Promise.all([1, 2, 3].map(async () => expectUnavailable(await login())))
      expect(await isReady()).to.equal(false)
      await expectAllUnavailable(user)
    } finally {
      process.kill(redis.pid as number, 'SIGCONT')
    }
    await eventually(isReady)
    await user.get('/api/profile').expect(200, { user: 'ann' })
    await user
      .get('/')
      .set('Accept', BROWSER)
      .expect(200, /Logged in/)
    await login().expect(200)

    await redis.stop()
    await eventually(async () => {
      expectUnavailable(await login())
      return !(await isReady())
    })
    await expectAllUnavailable(user)
  })

  async function expectAllUnavailable(user: ReturnType<typeof request.agent>): Promise<void> {
    expectUnavailable(await login())
    expectUnavailable(await user.get('/api/profile'))
    const page = await user.get('/').set('Accept', BROWSER).expect(503)
    expect(page.type).to.equal('text/html')
    expect(page.headers).to.include({ 'retry-after': '2' })
    expect(page.text).to.include('<meta http-equiv="refresh" content="2">')
    const form = await user.post('/').set('Accept', BROWSER).expect(503)
    expect(form.text).to.include('try again').and.not.to.include('refresh')
    await request(url).get('/live').expect(200)
  }
})

function expectUnavailable(response: Response): void {
  expect(response.status).to.equal(503)
  expect(response.type).to.equal('application/json')
  expect(response.headers).to.include({ 'retry-after': '2' }).and.not.to.have.property('set-cookie')
  expect(response.body.error).to.include('try again')
}
