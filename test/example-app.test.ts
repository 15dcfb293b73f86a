import { once } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { createClient } from 'redis'
import request, { type Agent, type Response } from 'supertest'
import { ensureBuilt } from './support/built.ts'
import { type ExampleApp, killApps, runApp, startApp } from './support/example-app.ts'
import { redisUrl, urlOf } from './support/redis.ts'
import { Relay } from './support/relay.ts'

const DEMO = { username: 'demo', password: 'password' }
const PRODUCTION = { NODE_ENV: 'production', SESSION_SECRET: 'a secret of the tests' }

describe('example app', () => {
  let app: ExampleApp

  before(async function () {
    this.timeout(60_000)
    ensureBuilt()
    app = await startApp()
  })

  after(killApps)

  const browser = () => request.agent(app.url)

  describe('a login', () => {
    it('lasts until the logout', async () => {
      const user = browser()
      const before = await activeSessions(user)

      const login = await user.post('/api/login').send(DEMO).expect(200)
      expect(login.body.user).to.include({ username: 'demo', email: 'demo@example.com' })
      expect(login.body.user).to.have.all.keys('userId', 'username', 'email', 'createdAt')
      const profile = await user.get('/api/profile').expect(200)
      expect(profile.body).to.deep.equal(login.body.user)
      expect(await activeSessions(user)).to.equal(before + 1)

      const logout = await user.post('/api/logout').expect(200)
      expect(cookieOf(logout)).to.match(/^connect\.sid=;.*Expires=Thu, 01 Jan 1970/)
      await user.get('/api/profile').expect(401)
      expect(await activeSessions(user)).to.equal(before)
    })

    it('gives the session a new id and ends the old one', async () => {
      const user = browser()
      const first = cookieOf(await user.post('/api/login').send(DEMO).expect(200))
      const second = cookieOf(await user.post('/api/login').send(DEMO).expect(200))
      expect(pairOf(second)).not.to.equal(pairOf(first))
      await request(app.url).get('/api/profile').set('Cookie', pairOf(first)).expect(401)
      await request(app.url).get('/api/profile').set('Cookie', pairOf(second)).expect(200)
    })

    it('sets a cookie that scripts and other sites do not get, anew with each answer', async () => {
      const user = browser()
      for (const response of [
        await user.post('/api/login').send(DEMO),
        await user.get('/api/profile'),
      ]) {
        const cookie = cookieOf(response)
        expect(cookie).to.include('HttpOnly').and.include('SameSite=Strict').and.include('Expires=')
        expect(cookie).not.to.include('Secure')
      }
    })

    it('needs TLS in production, as the proxy tells of it', async () => {
      const { url } = await startApp(PRODUCTION)
      const login = () => request(url).post('/api/login').send(DEMO)
      expect(cookieOf(await login().set('X-Forwarded-Proto', 'https'))).to.include('Secure')
      expect(cookieOf(await login())).to.equal('')
    })
  })

  it('sets no cookie for those who do not log in', async () => {
    const response = await browser().get('/api/profile').expect(401)
    expect(cookieOf(response)).to.equal('')
  })

  it('takes the logout of somebody who is not logged in', async () => {
    await browser().post('/api/logout').expect(200)
  })

  it('has a page', async () => {
    const response = await browser().get('/').expect(200).expect('Content-Type', /html/)
    expect(response.text).to.include('<form id="login"')
  })

  describe('answers in JSON', () => {
    const login = (body: string | object) =>
      browser().post('/api/login').set('Content-Type', 'application/json').send(body)

    const cases: [number, string, () => PromiseLike<Response>][] = [
      [400, 'bad JSON', () => login('{"username":')],
      [400, 'missing fields', () => login({ username: 'demo' })],
      [400, 'fields that are no text', () => login({ username: ['demo'], password: {} })],
      [400, 'no body', () => browser().post('/api/login')],
      [401, 'a wrong password', () => login({ ...DEMO, password: 'wrong' })],
      [401, 'an unknown user', () => login({ ...DEMO, username: 'nobody' })],
      [
        401,
        'a forged cookie',
        () => browser().get('/api/profile').set('Cookie', 'connect.sid=s:x'),
      ],
      [413, 'a body too large', () => login({ ...DEMO, more: 'x'.repeat(200_000) })],
      [404, 'an unknown path', () => browser().get('/api/unknown')],
      [404, 'an unknown method', () => browser().get('/api/login')],
    ]
    for (const [status, what, send] of cases) {
      it(`${status} to ${what}`, async () => expectError(await send(), status))
    }
  })

  it('answers 503 while Redis is away, and goes on when it is back', async function () {
    this.timeout(30_000)
    const redis = new Relay()
    await redis.open()
    await redis.close()
    const { url } = await startApp({ REDIS_URL: redis.url })
    const user = request.agent(url)
    expectUnavailable(await user.post('/api/login').send(DEMO))
    await user.get('/').expect(200)
    await eventually(503, () => {
      return user.get('/api/sessions/count').then(() => user.get('/ready'))
    })

    await redis.open()
    await eventually(200, () => user.get('/ready'))
    await eventually(200, () => user.post('/api/login').send(DEMO))
    await redis.close()
    for (const send of [
      () => user.get('/api/profile'),
      () => user.get('/api/sessions/count'),
      () => user.post('/api/logout'),
      () => user.post('/api/login').send(DEMO),
    ]) {
      expectUnavailable(await send())
    }
    const page = await user.get('/api/profile').set('Accept', 'text/html,*/*;q=0.8').expect(503)
    expect(page.type).to.equal('text/html')
    expect(page.headers).to.include({ 'retry-after': '2' })

    await redis.open()
    await eventually(200, () => user.get('/api/profile'))
    await user.get('/ready').expect(200)
    await redis.close()
  })

  it('confirms no login that was not saved', async () => {
    const user = `writer${process.pid}`
    const admin = await createClient({ url: redisUrl() }).connect()
    const mayDo = (...rules: string[]) => admin.sendCommand(['ACL', 'SETUSER', user, ...rules])
    try {
      await mayDo('reset', 'on', '>secret', '~*', '&*', '+@all')
      const { url } = await startApp({ REDIS_URL: urlOf(user, 'secret') })
      const login = () => request(url).post('/api/login').send(DEMO)
      await login().expect(200)
      await mayDo('-set')
      expectUnavailable(await login())
      await mayDo('+set')
      await login().expect(200)
    } finally {
      await admin.sendCommand(['ACL', 'DELUSER', user])
      admin.destroy()
    }
  })

  describe('does not start, and says why in one line,', () => {
    it('in production without a secret', () => {
      expectRefusal(runApp({ NODE_ENV: 'production' }), 'SESSION_SECRET')
    })

    for (const PORT of ['http', '65536']) {
      it(`with PORT=${PORT}`, () => expectRefusal(runApp({ PORT }), 'PORT'))
    }

    for (const REDIS_URL of ['localhost:6379', 'redis://127.0.0.1/first']) {
      it(`with REDIS_URL=${REDIS_URL}`, () => expectRefusal(runApp({ REDIS_URL }), 'REDIS_URL'))
    }

    it('on a port that is in use', async () => {
      const server = createServer().listen(0, '127.0.0.1')
      await once(server, 'listening')
      const { port } = server.address() as { port: number }
      expectRefusal(runApp({ PORT: String(port) }), `127.0.0.1:${port}`)
      server.close()
    })
  })

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    it(`ends on ${signal}, with an idle connection open`, async () => {
      const ending = await startApp()
      // This leaves a connection open, for the requests that may follow.
      await (await fetch(`${ending.url}/api/sessions/count`)).json()
      expect(await ending.end(signal)).to.equal(0)
    })
  }
})

async function activeSessions(user: Agent): Promise<number> {
  const { body } = await user.get('/api/sessions/count').expect(200)
  return body.activeSessions
}

function cookieOf(response: Response): string {
  return response.get('Set-Cookie')?.join() ?? ''
}

function pairOf(cookie: string): string {
  return cookie.split(';')[0] as string
}

function expectError(response: Response, status: number): void {
  expect(response.status).to.equal(status)
  expect(response.body).to.have.all.keys('error')
  expect(response.body.error).to.be.a('string').that.does.not.include('    at ')
}

/** Also that no cookie comes with it, of a session that may not be there. */
function expectUnavailable(response: Response): void {
  expectError(response, 503)
  expect(response.headers).to.include({ 'retry-after': '2' })
  expect(cookieOf(response)).to.equal('')
}

function expectRefusal({ status, stderr }: ReturnType<typeof runApp>, reason: string): void {
  expect(status).to.equal(1)
  expect(stderr.trim().split('\n').at(-1)).to.include(reason)
  expect(stderr).not.to.include('    at ')
}

async function eventually(status: number, send: () => PromiseLike<Response>): Promise<void> {
  while ((await send()).status !== status) await sleep(20)
}
