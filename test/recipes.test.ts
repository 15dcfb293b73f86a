import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import request, { type Response } from 'supertest'
import { startRedis } from '../scripts/redis-server.js'
import { ensureBuilt } from './support/built.ts'
import { eventually } from './support/eventually.ts'
import { killApps, startApp } from './support/example-app.ts'

const RECIPE = 'docs/recipes/failing-redis'
const DEVICES = 'docs/recipes/devices'
const BROWSER = 'text/html,application/xhtml+xml,*/*;q=0.8'

/** Runs a recipe over a Redis of its own for the tests of the `describe` in which it is called. */
function useRecipe(recipe: string) {
  const running = {} as { redis: Awaited<ReturnType<typeof startRedis>>; url: string }
  before(async function () {
    this.timeout(60_000)
    ensureBuilt()
    running.redis = await startRedis()
    running.url = (await startApp({ REDIS_URL: running.redis.url }, `${recipe}.js`)).url
  })
  after(async () => {
    killApps()
    await running.redis.stop()
  })
  return running
}

describe(RECIPE, () => {
  const running = useRecipe(RECIPE)

  const login = () => request(running.url).post('/login').send({ user: 'ann' })
  const isReady = async () => (await request(running.url).get('/ready')).status === 200

  it('answers what it should before, during and after a freeze of Redis, and without Redis', async function () {
    this.timeout(30_000)
    await eventually(async () => (await login()).status === 200)
    const user = request.agent(running.url)
    await user.post('/login').send({ user: 'ann' }).expect(200)
    await user.get('/api/profile').expect(200, { user: 'ann' })
    expect(await isReady()).to.equal(true)

    process.kill(running.redis.pid as number, 'SIGSTOP')
    try {
      // Each waits in vain, which opens the breaker.
      await Promise.all([1, 2, 3].map(async () => expectUnavailable(await login())))
      expect(await isReady()).to.equal(false)
      await expectAllUnavailable(user)
    } finally {
      process.kill(running.redis.pid as number, 'SIGCONT')
    }
    await eventually(isReady)
    await user.get('/api/profile').expect(200, { user: 'ann' })
    await user
      .get('/')
      .set('Accept', BROWSER)
      .expect(200, /Logged in/)
    await login().expect(200)

    await running.redis.stop()
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
  }

  it('shows the code that is run', () => expectShown(RECIPE))
})

describe(DEVICES, () => {
  const running = useRecipe(DEVICES)

  async function login(agent: string, user = 'ann', password = 'wonderland') {
    const device = request.agent(running.url).set('User-Agent', agent)
    await device.post('/login').send({ user, password }).expect(200)
    return device
  }
  type Device = Awaited<ReturnType<typeof login>>
  const isIn = async (device: Device) => (await device.get('/devices')).status === 200
  const password = 'wonderland'

  it('lists devices, ends one, all others, and those before a new password', async () => {
    const [phone, laptop, tablet] = [
      await login('phone'),
      await login('laptop'),
      await login('tablet'),
    ]
    const bob = await login('bobs', 'bob', 'builder')

    const { body, headers } = await laptop.get('/devices').expect(200)
    expect(headers).to.include({ 'cache-control': 'no-store' })
    expect(body).to.have.length(3)
    for (const { handle, agent, startedAt, lastSeenAt, isThisOne, ...more } of body) {
      expect(handle).to.match(/^[\w-]{22}$/)
      expect(isThisOne).to.equal(agent === 'laptop')
      expect(Date.now() - Date.parse(startedAt)).to.be.within(0, 60_000)
      expect(Date.now() - Date.parse(lastSeenAt)).to.be.within(-1000, 60_000)
      expect(more).to.deep.equal({})
    }
    const { handle } = body.find(({ agent }: { agent: string }) => agent === 'phone')

    await laptop.delete(`/devices/${handle}`).send({ password: 'guess' }).expect(403)
    await bob.delete(`/devices/${handle}`).send({ password: 'builder' }).expect(404)
    expect(await isIn(phone)).to.equal(true)
    await laptop.delete(`/devices/${handle}`).send({ password }).expect(200, { ended: 1 })
    expect([await isIn(phone), await isIn(laptop), await isIn(tablet)]).to.deep.equal([
      false,
      true,
      true,
    ])
    await laptop.delete(`/devices/${handle}`).send({ password }).expect(404, { ended: 0 })

    await laptop.delete('/devices').send({ password }).expect(200, { ended: 1 })
    expect([await isIn(laptop), await isIn(tablet)]).to.deep.equal([true, false])

    const again = await login('phone')
    await again
      .put('/password')
      .send({ password, newPassword: 'looking glass' })
      .expect(200, { ended: 1 })
    expect([await isIn(laptop), await isIn(again)]).to.deep.equal([false, true])
    await request(running.url).post('/login').send({ user: 'ann', password }).expect(401)
    expect(await isIn(bob)).to.equal(true)
  })

  it('shows the code that is run', () => expectShown(DEVICES))
})

function expectShown(recipe: string): void {
  const code = readFileSync(`${recipe}.js`, 'utf8')
  const blocks = readFileSync(`${recipe}.md`, 'utf8').match(/(?<=```js\n)[\s\S]*?(?=```)/g) ?? []
  expect(blocks).to.have.length(3)
  for (const block of blocks) expect(withoutIndent(code)).to.include(withoutIndent(block))
}

function expectUnavailable(response: Response): void {
  expect(response.status).to.equal(503)
  expect(response.type).to.equal('application/json')
  expect(response.headers).to.include({ 'retry-after': '2' }).and.not.to.have.property('set-cookie')
  expect(response.body.error).to.include('try again')
}

function withoutIndent(code: string): string {
  return code.replace(/^ +/gm, '')
}
