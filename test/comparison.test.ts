import { expect } from 'chai'
import { RedisStore } from 'connect-redis'
import type { SessionData, Store } from 'express-session'
import { createClient } from 'redis'
import sinon from 'sinon'
import { fromNodeRedis, SolidisStore } from '../lib/index.ts'
import { startRedis } from '../scripts/redis-server.js'
import { eventually } from './support/eventually.ts'
import { freshPrefix, redisUrl } from './support/redis.ts'
import { type Data, data } from './support/requests.ts'

const TIMEOUT_MS = 100

/** Those cells of the table in the README that say so. connect-redis 9 has the code of 10. */
describe('what the README says of this store and of connect-redis', () => {
  let client: ReturnType<typeof connect>

  const connect = (url = redisUrl()) =>
    createClient({ url }).on('error', () => {
      // Some tests take Redis away.
    })

  before(async () => {
    client = connect()
    await client.connect()
  })
  after(() => client.destroy())

  function open(through = client) {
    const prefix = freshPrefix()
    return {
      prefix,
      theirs: new RedisStore({ client: through, prefix: `${prefix}theirs:` }) as Store,
      ours: new SolidisStore({
        client: fromNodeRedis(through),
        prefix: `${prefix}ours:`,
        timeout: TIMEOUT_MS,
      }) as Store,
    }
  }

  const called = <T>(call: (done: (error?: unknown, result?: T) => void) => void) =>
    new Promise<T | undefined>((resolve, reject) =>
      call((error, result) => (error ? reject(error) : resolve(result))),
    )
  const get = (store: Store, sid: string) =>
    called<SessionData | null>((done) => store.get(sid, done)) as Promise<Data | null>
  const set = (store: Store, sid: string, session: Data) =>
    called((done) => store.set(sid, session, done))

  it('two requests change a session: both are kept, or the later wins', async () => {
    const { theirs, ours } = open()
    const both = async (store: Store) => {
      await set(store, '1', data({ user: 'ann' }))
      const [slow, quick] = await Promise.all([get(store, '1'), get(store, '1')])
      await set(store, '1', Object.assign(quick as Data, { cart: 'book' }))
      await set(store, '1', Object.assign(slow as Data, { avatar: true }))
      return get(store, '1')
    }
    expect(await both(ours)).to.include({ user: 'ann', cart: 'book', avatar: true })
    expect(await both(theirs))
      .to.include({ user: 'ann', avatar: true })
      .and.not.have.property('cart')
  })

  it('a logout races a request: it stays, or is undone', async () => {
    const { theirs, ours } = open()
    const afterLogout = async (store: Store) => {
      await set(store, '1', data({ user: 'ann' }))
      const slow = (await get(store, '1')) as Data
      await called((done) => store.destroy('1', done))
      await set(store, '1', Object.assign(slow, { avatar: true }))
      return get(store, '1')
    }
    expect(await afterLogout(ours)).to.equal(null)
    expect(await afterLogout(theirs)).to.include({ user: 'ann' })
  })

  it('a payload does not decode: no session and an event, or each request fails', async () => {
    const { prefix, theirs, ours } = open()
    await client.set(`${prefix}theirs:1`, '{"cookie":{},"user":')
    await client.set(`${prefix}ours:1`, '{"cookie":{},"user":')
    let told = 0
    ours.on('invalid', () => told++)
    expect(await get(ours, '1')).to.equal(null)
    expect(told).to.equal(1)
    for (const _ of ['the first', 'the second']) {
      const error = await get(theirs, '1').catch((error) => error)
      expect(error).to.be.instanceOf(SyntaxError)
    }
  })

  it('lives are exact, or rounded up to seconds', async () => {
    const { prefix, theirs, ours } = open()
    const session = data()
    session.cookie.expires = new Date(Date.now() + 59_400)
    const before = Date.now()
    await set(ours, '1', session)
    const late = (await client.pExpireTime(`${prefix}ours:1`)) - Number(session.cookie.expires)
    expect(late).to.be.within(-1, Date.now() - before + 1)

    const sent = sinon.spy(client, 'set')
    await set(theirs, '1', session)
    sent.restore()
    const [[, , options] = []] = sent.args
    const { expiration } = options as { expiration: { type: string; value: number } }
    expect(expiration.type).to.equal('EX')
    expect(expiration.value).to.satisfy(Number.isInteger)
  })

  it('Redis is frozen: a call fails in time, or waits as the client does', async () => {
    const redis = await startRedis()
    const frozen = connect(redis.url)
    await frozen.connect()
    const { theirs, ours } = open(frozen)
    await Promise.all([set(ours, '1', data()), set(theirs, '1', data())])
    process.kill(redis.pid as number, 'SIGSTOP')
    try {
      let settled = false
      const waiting = get(theirs, '1').finally(() => {
        settled = true
      })
      waiting.catch(() => undefined)
      const codes: string[] = []
      await eventually(async () => {
        codes.push(await get(ours, '1').then(String, ({ code }) => code))
        return codes.at(-1) === 'EBREAKER'
      })
      expect(codes[0]).to.equal('ETIMEDOUT')
      expect(settled).to.equal(false)
    } finally {
      process.kill(redis.pid as number, 'SIGCONT')
      frozen.destroy()
      await redis.stop()
    }
  })
})
