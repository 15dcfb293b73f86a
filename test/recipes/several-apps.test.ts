import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import request from 'supertest'
import { nodeRedisKind } from '../support/clients.ts'
import { cookieOf, startRecipe, useRedis } from '../support/recipe-site.ts'
import { RECIPES } from '../support/recipes.ts'
import { ask } from '../support/requests.ts'

describe('the recipe several-apps', function () {
  this.timeout(60_000)
  const redis = useRedis()
  before(async () => {
    const page = readFileSync(join(RECIPES, 'several-apps.md'), 'utf8')
    const { client, close } = await nodeRedisKind.connect(redis.url)
    for (const line of page.match(/^ACL SETUSER .*$/gm) ?? []) await ask(client, ...line.split(' '))
    close()
  })

  const start = async (NAME: string, as = '', database = '') => {
    const REDIS_URL = redis.url.replace('//', `//${as}`) + database
    return (await startRecipe('several-apps.mjs', { NAME, REDIS_URL })).url
  }
  const logIn = (url: string) => request(url).post('/login').send({ user: 'ann' })
  const profile = (url: string, cookie: string) =>
    request(url).get('/profile').set('Cookie', cookie)

  it('keeps apps apart by prefix, cookie, user and database', async () => {
    const [shop, admin, elsewhere, thief] = await Promise.all([
      start('shop', 'shop:password@'),
      start('admin', 'admin:secret@'),
      start('shop', '', '/1'),
      start('admin', 'shop:password@'),
    ])
    const cookie = cookieOf(await logIn(shop).expect(200))
    await profile(shop, cookie).expect(200, { user: 'ann' })
    await profile(admin, cookie).expect(401)
    // The secret is the same here, so that nothing but the prefix keeps them apart.
    await profile(admin, cookie.replace('shop.sid', 'admin.sid')).expect(401)
    await profile(elsewhere, cookie).expect(401)
    await logIn(admin).expect(200)
    await logIn(admin).expect(200)
    await request(shop).get('/count').expect(200, { sessions: 1 })
    await request(admin).get('/count').expect(200, { sessions: 2 })
    await request(elsewhere).get('/count').expect(200, { sessions: 0 })

    // The rights of one app do not do for the sessions of another.
    await logIn(thief).expect(500, { error: 'NOPERM' })
  })

  it('shows no ids in keys, which all users can list', async () => {
    const sid = /s%3A([\w-]+)/.exec(cookieOf(await logIn(await start('shop', 'shop:password@'))))
    const { client, close } = await nodeRedisKind.connect(redis.url)
    const keys = String(await ask(client, 'KEYS', '*'))
    close()
    expect(keys).to.include('shop:sess:').and.not.to.include(sid?.[1])
  })
})
