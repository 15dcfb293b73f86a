import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import request from 'supertest'
import { killApps, startApp } from '../support/example-app.ts'
import { cookieOf, startRecipe, useRedis, useSite } from '../support/recipe-site.ts'
import { newProject, RECIPES } from '../support/recipes.ts'

/** By heading, what is installed before. */
const BEFORE = {
  'From 8, 9 and 10': ['connect-redis@10', 'redis'],
  'From 7': ['connect-redis@7', 'redis@4'],
  'From 6': ['connect-redis@6', 'redis@4'],
}

describe('the recipes for migration', function () {
  this.timeout(60_000)
  const redis = useRedis()
  afterEach(() => killApps())

  const startBefore = (page: string, heading: string, packages: string[]) => {
    const file = join(newProject(['express', 'express-session', ...packages]), 'before.mjs')
    const [, diff = ''] =
      read(page)
        .split(`${heading}\n`)[1]
        ?.match(/^```diff\n([\s\S]*?)^```/m) ?? []
    writeFileSync(file, undo(diff, read('express.mjs')))
    return startApp({ REDIS_URL: redis.url }, file)
  }
  const startAfter = () => startRecipe('express.mjs', { REDIS_URL: redis.url })
  const logIn = async (url: string) =>
    cookieOf(await request(url).post('/login').send({ user: 'ann' }).expect(200))
  const profile = (url: string, cookie: string) =>
    request(url).get('/profile').set('Cookie', cookie)
  const post = (url: string, path: string, cookie: string) =>
    request(url).post(path).set('Cookie', cookie)

  for (const [heading, packages] of Object.entries(BEFORE)) {
    it(`from-connect-redis keeps users logged in, there and back: ${heading}`, async () => {
      const [theirs, ours] = await Promise.all([
        startBefore('from-connect-redis.md', heading, packages),
        startAfter(),
      ])
      const cookie = await logIn(theirs.url)
      await profile(ours.url, cookie).expect(200, { user: 'ann' })
      await post(ours.url, '/theme', cookie).send({ theme: 'dark' }).expect(200)
      await profile(theirs.url, cookie).expect(200, { user: 'ann', theme: 'dark' })
      await post(theirs.url, '/theme', cookie).send({ theme: 'light' }).expect(200)
      await profile(ours.url, cookie).expect(200, { user: 'ann', theme: 'light' })
      await post(theirs.url, '/logout', cookie).expect(200)
      await profile(ours.url, cookie).expect(401)

      const later = await logIn(ours.url)
      await profile(theirs.url, later).expect(200, { user: 'ann' })
      await post(ours.url, '/logout', later).expect(200)
      await profile(theirs.url, later).expect(401)
    })
  }

  it('from-memorystore leads to sessions that outlive a restart', async () => {
    const start = () => startBefore('from-memorystore.md', '# From MemoryStore', [])
    const forgetful = await start()
    const forgotten = await logIn(forgetful.url)
    await profile(forgetful.url, forgotten).expect(200)
    await forgetful.end('SIGTERM')
    await profile((await start()).url, forgotten).expect(401)

    const site = await startAfter()
    await useSite(site.url)
    const cookie = await logIn(site.url)
    await site.end('SIGTERM')
    await profile((await startAfter()).url, cookie).expect(200, { user: 'ann' })
  })
})

function read(file: string): string {
  return readFileSync(join(RECIPES, file), 'utf8')
}

/** Gives the code as it was before a diff, of hunks with `@@` between them. */
function undo(diff: string, code: string): string {
  return diff.split('@@\n').reduce((text, hunk) => {
    const before = hunk.replace(/^\+.*\n/gm, '').replace(/^[- ]/gm, '')
    const after = hunk.replace(/^-.*\n/gm, '').replace(/^[+ ]/gm, '')
    expect(text).to.include(after)
    return text.replace(after, () => before)
  }, code)
}
