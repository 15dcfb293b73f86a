import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import request from 'supertest'
import { startRedis } from '../../scripts/redis-server.js'
import { killApps, startApp } from '../support/example-app.ts'
import { cookieOf, startRecipe, useSite } from '../support/recipe-site.ts'
import { compile, copyRecipe, removeProjects } from '../support/recipes.ts'

describe('the recipes for frameworks', function () {
  this.timeout(60_000)
  let redis: Awaited<ReturnType<typeof startRedis>>
  beforeEach(async () => {
    redis = await startRedis()
  })
  afterEach(async () => {
    killApps()
    await redis.stop()
  })
  after(() => removeProjects())

  for (const express of ['express', 'express@4']) {
    it(`express runs on ${express}`, async () => {
      const { url } = await startRecipe('express.mjs', { REDIS_URL: redis.url }, { express })
      await useSite(url)
      await expectSecure(url)
    })
  }

  it('connect runs', async () => {
    const { url } = await startRecipe('connect.mjs', { REDIS_URL: redis.url })
    await useSite(url)
    await expectSecure(url)
  })

  it('fastify runs, on the sessions of express, and without Redis answers 503', async () => {
    const env = { REDIS_URL: redis.url, SESSION_SECRET: 'a secret of 32 characters or more' }
    const { url } = await startRecipe('fastify.mjs', env)
    await useSite(url)
    await expectSecure(url)

    const onExpress = await startRecipe('express.mjs', env)
    const login = await request(onExpress.url).post('/login').send({ user: 'ann' }).expect(200)
    await expectUser(url, cookieOf(login))
    await expectUser(onExpress.url, cookieOf(await logIn(url)))
    await redis.stop()
    await expectUnavailable(url)
  })

  for (const KEEP of ['', 'true']) {
    it(`passport runs, and keeps what was there before the login: ${KEEP === 'true'}`, async () => {
      const { url } = await startRecipe('passport.mjs', { REDIS_URL: redis.url, KEEP })
      const credentials = { user: 'ann', password: 'wonderland' }
      await useSite(url, credentials)

      const user = request.agent(url)
      const before = cookieOf(
        await user
          .post('/cart')
          .send({ cart: ['book'] })
          .expect(200),
      )
      await user.post('/login').send({ user: 'ann', password: 'guess' }).expect(401)
      const after = cookieOf(await user.post('/login').send(credentials).expect(200))
      expect(after).not.to.equal(before)
      const kept = KEEP === 'true' ? { cart: ['book'] } : {}
      await user.get('/profile').expect(200, { user: 'ann', ...kept })
      await request(url).get('/profile').set('Cookie', before).expect(401)
      await user.post('/theme').send({ theme: 'dark' }).expect(200)
      await user.get('/profile').expect(200, { user: 'ann', theme: 'dark', ...kept })

      await user.delete('/sessions').expect(200, { ended: 1 })
      await user.get('/profile').expect(401)
    })
  }

  for (const type of ['module', 'commonjs']) {
    it(`nestjs compiles and runs as ${type}, and without Redis answers 503`, async () => {
      const copy = copyRecipe('nestjs.ts')
      writeFileSync(join(dirname(copy), 'package.json'), JSON.stringify({ type }))
      const options =
        '--experimentalDecorators --emitDecoratorMetadata --types node --strict --skipLibCheck'
      const target = '--module nodenext --target es2023'
      const compiled = compile(dirname(copy), ...`${target} ${options} nestjs.ts`.split(' '))
      expect(compiled.output).to.equal('')

      const { url } = await startApp({ REDIS_URL: redis.url }, copy.replace(/ts$/, 'js'))
      await useSite(url)
      await expectSecure(url)
      const cookie = cookieOf(await logIn(url))
      const { body } = await request(url).get('/devices').set('Cookie', cookie).expect(200)
      expect(body).to.have.length(2)
      await redis.stop()
      await expectUnavailable(url)
    })
  }
})

const logIn = (url: string) => request(url).post('/login').send({ user: 'ann' })

async function expectSecure(url: string): Promise<void> {
  const { headers } = await logIn(url).set('X-Forwarded-Proto', 'https')
  expect(headers['set-cookie']?.[0]).to.match(/; Secure/)
}

async function expectUser(url: string, cookie: string): Promise<void> {
  const { body } = await request(url).get('/profile').set('Cookie', cookie).expect(200)
  expect(body.user).to.equal('ann')
}

async function expectUnavailable(url: string): Promise<void> {
  const { headers } = await logIn(url).expect(503)
  expect(headers).to.include({ 'retry-after': '2' }).and.not.to.have.property('set-cookie')
}
