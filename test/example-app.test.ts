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
const ADMIN = { username: 'admin', password: 'admin' }
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
      const admin = browser()
      await admin.post('/api/login').send(ADMIN).expect(200)
      const before = await activeSessions(admin)

      const login = await user.post('/api/login').send(DEMO).expect(200)
      expect(login.body.user).to.include({ username: 'demo', email: 'demo@example.com' })
      expect(login.body.user).to.have.all.keys('userId', 'username', 'email', 'createdAt')
      const profile = await user.get('/api/profile').expect(200)
      expect(profile.body).to.deep.equal(login.body.user)
      expect(await activeSessions(admin)).to.equal(before + 1)

      const logout = await user.post('/api/logout').expect(200)
      expect(cookieOf(logout)).to.match(/^connect\.sid=;.*Expires=Thu, 01 Jan 1970/)
      await user.get('/api/profile').expect(401)
      expect(await activeSessions(admin)).to.equal(before)
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

  it('counts all sessions for admins only', async () => {
    const user = browser()
    await user.get('/api/sessions/count').expect(401)
    await user.post('/api/login').send(DEMO).expect(200)
    await user.get('/api/sessions/count').expect(403)
  })

  it('refuses what a page of another site has sent', async () => {
    const send = (from: string) =>
      browser().post('/api/login').set('Sec-Fetch-Site', from).send(DEMO)
    expectError(await send('cross-site'), 403)
    expectError(await send('same-site'), 403)
    expect((await send('same-origin')).status).to.equal(200)
  })

  it('lets no one try passwords for long', async () => {
    const { url } = await startApp()
    const login = (password: string) =>
      request(url)
        .post('/api/login')
        .send({ ...DEMO, password })
    for (let i = 0; i < 10; i++) {
      await login('password').expect(200)
      await login('wrong').expect(401)
    }
    expectError(await login('wrong'), 429)
    expectError(await login('password'), 429)
  })

  describe('its site', () => {
    /** What a form of a page carries. */
    const csrfOf = (page: Response) => /name="csrf" value="([^"]+)"/.exec(page.text)?.[1] as string

    const signIn = async (user: Agent, form: object) => {
      const csrf = csrfOf(await user.get('/').expect(200))
      return user
        .post('/')
        .type('form')
        .send({ ...form, csrf })
    }

    it('has a sign-in page, which begins no session', async () => {
      const response = await browser().get('/').expect(200).expect('Content-Type', /html/)
      expect(response.text).to.include('<form id="login"')
      expect(cookieOf(response)).not.to.include('connect.sid')
      expect(response.headers['cache-control']).to.equal('no-store')
      expect(response.headers['content-security-policy'])
        .to.include("default-src 'none'")
        .and.not.include('unsafe')
    })

    it('signs in, shows what is private, and signs out', async () => {
      const user = browser()
      await user.get('/devices').expect(303).expect('Location', '/?next=%2Fdevices')
      const login = await signIn(user, { ...DEMO, next: '/devices' })
      expect(login.headers.location).to.equal('/devices')
      const page = await user.get('/session').expect(200, /sess:/)
      expect(page.headers['cache-control']).to.equal('no-store')
      await user.get('/').expect(303).expect('Location', '/session')
      const logout = user.post('/logout').type('form')
      await logout
        .send({ csrf: csrfOf(page) })
        .expect(303)
        .expect('Location', '/?out')
      await user.get('/session').expect(303)
    })

    it('shows what is in Redis as it stands, encrypted if it is', async () => {
      const plain = browser()
      await signIn(plain, DEMO)
      await plain
        .get('/session')
        .expect(200, /Plain JSON/)
        .expect(200, /\{&quot;cookie/)
      const secret = 'an encryption secret of the tests'
      const { url } = await startApp({ SESSION_ENCRYPTION_SECRETS: secret })
      const encrypted = request.agent(url)
      await signIn(encrypted, DEMO)
      const page = await encrypted
        .get('/session')
        .expect(200, /Encrypted/)
        .expect(200, /<pre>\$/)
      expect(page.text).not.to.include('{&quot;cookie')
    })

    it('leads nowhere but to its own pages', async () => {
      for (const next of ['//elsewhere.example', 'https://elsewhere.example', '/api/profile']) {
        const { headers } = await signIn(browser(), { ...DEMO, next })
        expect(headers.location).to.equal('/session')
      }
    })

    it('says so where name and password do not go together, and shows the name as text', async () => {
      const page = await signIn(browser(), { username: '"><b>', password: 'wrong' })
      expect(page.status).to.equal(401)
      expect(page.text).to.include('role="alert"').and.include('&quot;&gt;&lt;b&gt;')
      expect(page.text).not.to.include('<b>')
    })

    it('takes no form that none of its pages has sent', async () => {
      const user = browser()
      await user.post('/').type('form').send(DEMO).expect(403)
      const csrf = csrfOf(await user.get('/'))
      await signIn(user, DEMO)
      // The token of before the login is none of this session.
      await user.post('/devices/end-others').type('form').send({ csrf }).expect(403)
      await user.get('/session').expect(200)
    })

    it('shows the admin page to admins only', async () => {
      const user = browser()
      await user.get('/admin').expect(303)
      await signIn(user, DEMO)
      await user
        .get('/admin')
        .set('Accept', 'text/html')
        .expect(403, /for admins/)
      const admin = browser()
      await signIn(admin, ADMIN)
      await admin.get('/admin').expect(200, /By user/)
    })

    it('has no admin in production, unless a password says so', async () => {
      const login = async (env: object) => {
        const { url } = await startApp({ ...PRODUCTION, ...env })
        return request(url).post('/api/login').set('X-Forwarded-Proto', 'https').send(ADMIN)
      }
      expectError(await login({}), 401)
      expect((await login({ ADMIN_PASSWORD: ADMIN.password })).status).to.equal(200)
    })

    it('breaks no Redis but the private one of npm start', async () => {
      for (const env of [{}, { EXAMPLE_PRIVATE_REDIS: '1' }]) {
        const { url } = await startApp(env)
        await request(url).get('/break').expect(404)
        await request(url).post('/break').type('form').send({ fault: 'stop' }).expect(403)
        await request(url).get('/ready').expect(200)
      }
    })

    it('breaks nothing in production, nor a Redis of the user, under npm start either', async function () {
      this.timeout(30_000)
      for (const env of [{ ...PRODUCTION, REDIS_URL: '' }, {}]) {
        const started = await startApp(env, 'scripts/start-example.js')
        await request(started.url).get('/break').expect(404)
        await started.end('SIGTERM')
      }
    })

    it('keeps alive no session by a page that merely looks on', async () => {
      const { url } = await startApp({ IDLE_SECONDS: '3' })
      const user = request.agent(url)
      await signIn(user, DEMO)
      const { headers } = await user.get('/session').expect(200)
      const cookie = /connect\.sid=[^;]+/.exec(String(headers['set-cookie']))?.[0] as string
      const page = await fetch(`${url}/session/live`, { headers: { cookie } })
      expect(page.headers.get('set-cookie')).to.equal(null)
      // It ends by itself, and says that the session is over.
      expect(await page.text()).to.match(/^event: part\ndata: ".*event: over\ndata: {}\n\n$/s)
    })

    it('ends other sessions, those of the user only', async () => {
      const [one, two, other] = [browser(), browser(), browser()]
      await signIn(one, DEMO)
      await signIn(two, DEMO)
      await signIn(other, ADMIN)
      const page = await one.get('/devices').expect(200, /This one/)
      const csrf = csrfOf(page)
      const end = (form: object, which = '') =>
        one
          .post(`/devices/end${which}`)
          .type('form')
          .send({ ...form, csrf })
          .expect(303)
      const handle = /name="handle" value="([^"]+)"/
      const foreign = handle.exec((await other.get('/devices')).text)?.[1]
      await end({ handle: foreign ?? 'of nobody' }).expect('Location', '/devices?ended=0')
      await end({}, '-others')
      await two.get('/session').expect(303)
      await one.get('/session').expect(200)
      await other.get('/session').expect(200)
    })
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
      return user
        .post('/api/login')
        .send(DEMO)
        .then(() => user.get('/ready'))
    })

    await redis.open()
    await eventually(200, () => user.get('/ready'))
    await eventually(200, () => user.post('/api/login').send(DEMO))
    await redis.close()
    for (const send of [
      () => user.get('/api/profile'),
      () => user.get('/session'),
      () => user.post('/api/logout'),
      () => user.post('/api/login').send(DEMO),
    ]) {
      expectUnavailable(await send())
    }
    const page = await user.get('/api/profile').set('Accept', 'text/html,*/*;q=0.8').expect(503)
    expect(page.type).to.equal('text/html')
    expect(page.headers).to.include({ 'retry-after': '2' })
    expect(page.text).to.include('You have not been signed out')

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

    it('with a secret for encryption that can be guessed', () => {
      const name = 'SESSION_ENCRYPTION_SECRETS'
      expectRefusal(runApp({ [name]: 'short' }), name)
    })

    it('with IDLE_SECONDS=soon', () =>
      expectRefusal(runApp({ IDLE_SECONDS: 'soon' }), 'IDLE_SECONDS'))

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
