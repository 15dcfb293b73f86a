import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { expect } from 'chai'
import request from 'supertest'
import { startRedis } from '../../scripts/redis-server.js'
import { type ExampleApp, killApps, startApp } from './example-app.ts'
import { copyRecipe, removeProjects } from './recipes.ts'

type Env = Record<string, string>

type PrivateRedis = Awaited<ReturnType<typeof startRedis>>

/**
 * A Redis for the tests of the `describe` in which it is called, since recipes have the users and the
 * prefix that they have. In the end it goes, and with it what was started and copied.
 */
export function useRedis(): PrivateRedis {
  const redis = {} as PrivateRedis
  before(async () => {
    Object.assign(redis, await startRedis())
  })
  after(async () => {
    killApps()
    removeProjects()
    await redis.stop()
  })
  return redis
}

/** Runs a copy of a recipe in a process of its own. */
export function startRecipe(
  file: string,
  env: Env = {},
  replaced: Record<string, string> = {},
): Promise<ExampleApp> {
  return startApp(env, copyRecipe(file, replaced))
}

/**
 * Uses a site as a browser would: its login makes a new session, and its logout is final, though a
 * request that had loaded the session is answered after it.
 */
export async function useSite(url: string, login: object = { user: 'ann' }): Promise<void> {
  await request(url).get('/profile').expect(401)
  const user = request.agent(url)
  const planted = 'connect.sid=s%3Aplanted.signature'
  const answer = await user.post('/login').set('Cookie', planted).send(login)
  expect(answer.status).to.be.oneOf([200, 201])
  const cookie = cookieOf(answer)
  expect(cookie).not.to.include('planted')
  await user.post('/theme').send({ theme: 'dark' }).expect(isSuccess)
  const { body } = await user.get('/profile').expect(200)
  expect(body).to.deep.equal({ user: 'ann', theme: 'dark' })

  const slow = await startRequest(url, cookie, '/theme')
  await user.get('/profile').expect(200)
  await user.post('/logout').expect(isSuccess)
  expect(await slow.finish({ theme: 'light' })).to.be.within(200, 299)
  await request(url).get('/profile').set('Cookie', cookie).expect(401)
}

/** The name and the value of the cookie of a session. */
export function cookieOf({ headers }: { headers: Record<string, unknown> }): string {
  const [cookie = ''] = headers['set-cookie'] as string[]
  return cookie.split(';')[0] as string
}

export function isSuccess({ status, text }: { status: number; text: string }): void {
  if (status < 200 || status > 299) throw new Error(`${status} ${text}`)
}

/** A request that a site has begun with, and whose body comes when the test says so. */
export async function startRequest(
  url: string,
  cookie: string,
  path: string,
): Promise<{ finish(body: object): Promise<number> }> {
  const sent = httpRequest(url + path, {
    method: 'POST',
    headers: { cookie, 'content-type': 'application/json', expect: '100-continue' },
  })
  // Sent by Node right before it calls the app.
  await once(sent, 'continue')
  return {
    async finish(body) {
      const answered = once(sent, 'response')
      sent.end(JSON.stringify(body))
      const [response] = await answered
      await buffer(response)
      return response.statusCode
    },
  }
}
