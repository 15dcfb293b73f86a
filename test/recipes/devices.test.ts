import { expect } from 'chai'
import request from 'supertest'
import { startRecipe, useRedis } from '../support/recipe-site.ts'

describe('the recipe devices', () => {
  const redis = useRedis()
  let url: string
  before(async function () {
    this.timeout(60_000)
    url = (await startRecipe('devices.mjs', { REDIS_URL: redis.url })).url
  })

  async function login(agent: string, user = 'ann', password = 'wonderland') {
    const device = request.agent(url).set('User-Agent', agent)
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
    await request(url).post('/login').send({ user: 'ann', password }).expect(401)
    expect(await isIn(bob)).to.equal(true)
  })
})
