import { createHash } from 'node:crypto'
import { expect } from 'chai'
import type { SessionData } from 'express-session'
import { agent } from 'supertest'
import { handleOf, RedisError, SolidisStore } from '../../lib/index.ts'
import { Names } from '../../lib/session/name.ts'
import { rejection } from '../support/calls.ts'
import { Browser, FastifySite } from '../support/fastify-site.ts'
import { freshPrefix } from '../support/redis.ts'
import { ask, attributesOf, type Data, data, destroy, open, save } from '../support/requests.ts'
import { createSite, logIn } from '../support/site.ts'
import { stubClient } from '../support/stub.ts'
import { heard, useStores } from '../support/two-sessions.ts'

const indexBy = (session: SessionData) => (session as Data).user as string | undefined
const digestOf = (sid: string) => createHash('sha256').update(sid).digest('base64url')
const SIDS = ['sid-of-ann', 'sid-of-bob', 'sid-of-cid']

describe('hashKeys', () => {
  const { client, makeStore } = useStores()
  const hashed = (options = {}) => makeStore({ hashKeys: true, indexBy, ...options })

  /** All that Redis holds: keys, payloads, and members of the index. */
  async function everythingIn(prefix: string): Promise<string> {
    const found: unknown[] = []
    for (const pattern of [`${prefix}*`, `by:${prefix}*`]) {
      const keys = (await ask(client, 'KEYS', pattern)) as unknown[]
      for (const key of keys.map(String)) {
        const isIndex = key.startsWith('by:')
        const held = isIndex
          ? await ask(client, 'ZRANGE', key, '0', '-1')
          : await ask(client, 'GET', key)
        found.push(key, ...(Array.isArray(held) ? held : [held]))
      }
    }
    return found.map(String).join('\n')
  }

  async function login(store: SolidisStore): Promise<void> {
    for (const sid of SIDS) await store.set(sid, data({ user: 'ann', of: sid.slice(-3) }))
  }

  it('lets nobody who reads Redis read an id', async () => {
    const store = hashed()
    await login(store)
    const [ann, bob] = SIDS as [string, string]
    await save(Object.assign(await open(store, ann), { page: 1 }))
    await store.update(bob, (session) => void Object.assign(session, { user: 'bob' }))
    const everything = await everythingIn(store.prefix)
    for (const sid of SIDS) {
      expect(everything).not.to.include(sid)
      expect(everything).to.include(store.prefix + digestOf(sid))
    }
    const keys = (await ask(client, 'KEYS', `${store.prefix}*`)) as unknown[]
    expect(keys.map(String)).to.have.members(SIDS.map((sid) => store.prefix + digestOf(sid)))
  })

  it('takes ids where an id is given', async () => {
    const store = hashed()
    await login(store)
    const [ann, bob] = SIDS as [string, string]
    expect(await store.get(ann)).to.include({ of: 'ann' })
    expect(await store.exists(ann)).to.equal(true)
    await store.touch(ann, (await store.get(ann)) as SessionData)
    const session = await open(store, bob)
    await destroy(session)
    expect(await store.exists(bob)).to.equal(false)
    const gone = heard(store, 'gone')
    await save(session)
    expect(gone).to.deep.equal([{ sid: digestOf(bob) }])
  })

  it('gives digests where an id was given', async () => {
    const store = hashed()
    await login(store)
    const names = SIDS.map(digestOf)
    expect(await store.ids()).to.have.members(names)
    expect((await store.all()).map(({ id }) => id)).to.have.members(names)
    const walked: string[] = []
    for await (const [sid] of store) walked.push(sid)
    expect(walked).to.have.members(names)
    expect((await store.findBy('ann')).map(({ sid }) => sid)).to.have.members(names)
    expect(await store.length()).to.equal(SIDS.length)
  })

  it('takes them where a list gave them: to destroy, and with its session to set and to touch', async () => {
    const store = hashed()
    await login(store)
    for await (const [sid, session] of store) {
      await store.set(sid, Object.assign(session, { seen: true }))
      session.cookie.expires = new Date(Date.now() + 50_000_000)
      await store.touch(sid, session)
      expect(Number(await ask(client, 'PTTL', store.prefix + sid))).to.be.above(40_000_000)
    }
    for (const sid of SIDS) expect(await store.get(sid)).to.include({ seen: true })
    for (const listed of await store.all()) {
      await store.set(listed.id, Object.assign(listed, { all: true }))
    }
    for (const sid of SIDS) {
      const session = attributesOf((await store.get(sid)) as Data)
      expect(session).to.include({ all: true, seen: true }).and.not.have.property('id')
    }
    expect(await store.length()).to.equal(SIDS.length)
    for (const sid of await store.ids()) await store.destroy(sid)
    expect(await store.length()).to.equal(0)
    expect(await store.findBy('ann')).to.deep.equal([])
  })

  it('does not take them where only an id will do', async () => {
    const store = hashed()
    await login(store)
    const name = digestOf(SIDS[0] as string)
    expect(await store.get(name)).to.equal(null)
    expect(await store.exists(name)).to.equal(false)
    expect(await store.update(name, () => {})).to.equal(null)
    // With a session of its own, an id is an id, whatever it looks like.
    await store.set(name, data({ user: 'mallory' }))
    expect(await store.get(SIDS[0] as string)).to.include({ user: 'ann' })
    expect(await store.get(name)).to.include({ user: 'mallory' })
  })

  it('gives the same handles as without', async () => {
    const [one, other] = [hashed(), makeStore({ indexBy, prefix: freshPrefix() })]
    for (const store of [one, other]) {
      await login(store)
      const handles = (await store.findBy('ann')).map(({ handle }) => handle)
      expect(handles).to.have.members(SIDS.map(handleOf))
    }
    expect(handleOf(SIDS[0] as string)).to.equal(digestOf(SIDS[0] as string).slice(0, 22))
  })

  it('shows no part of an id from before it was turned on as a handle', () => {
    const sid = 'an-id-of-32-characters-like-this'
    expect(new Names(true).handleOf(sid)).to.equal(handleOf(sid))
  })

  it('ends sessions by value: all but one, by its id or its digest, or only one', async () => {
    const store = hashed()
    const [ann, bob, cid] = SIDS as [string, string, string]
    await login(store)
    expect(await store.destroyBy('ann', { only: handleOf(bob) })).to.equal(1)
    expect(await store.exists(bob)).to.equal(false)
    expect(await store.destroyBy('ann', { except: ann })).to.equal(1)
    expect([await store.exists(ann), await store.exists(cid)]).to.deep.equal([true, false])
    await login(store)
    expect(await store.destroyBy('ann', { except: digestOf(cid) })).to.equal(2)
    expect(await store.exists(cid)).to.equal(true)
    expect(await store.destroyBy('ann')).to.equal(1)
  })

  it('evicts by maxSessions, and tells of it by the digest', async () => {
    const store = hashed({ maxSessions: 2 })
    const evicted = heard<{ sid: string; value: string }>(store, 'evicted')
    await login(store)
    expect(evicted).to.have.length(1)
    expect(SIDS.map(digestOf)).to.include(evicted[0]?.sid)
    expect(evicted[0]?.value).to.equal('ann')
    expect(await store.length()).to.equal(2)
  })

  it('is reindexed', async () => {
    const store = hashed()
    await login(makeStore({ hashKeys: true }))
    expect(await store.findBy('ann')).to.deep.equal([])
    expect(await store.reindex()).to.equal(SIDS.length)
    expect(await store.findBy('ann')).to.have.length(SIDS.length)
  })

  it('tells of bad data, and of conflicts, by the digest', async () => {
    const store = hashed({ onConflict: 'reject' })
    const [ann] = SIDS as [string]
    await login(store)
    const [ours, theirs] = [await open(store, ann), await open(store, ann)]
    await save(Object.assign(theirs, { a: 1 }))
    const conflict = await rejection(save(Object.assign(ours, { a: 2 })))
    expect(conflict).to.include({ code: 'ECONFLICT', sid: digestOf(ann) })
    await ask(client, 'SET', store.prefix + digestOf(ann), '{')
    const invalid = heard(store, 'invalid')
    await store.get(ann)
    expect(invalid.map(({ sid }) => sid)).to.deep.equal([digestOf(ann)])
  })

  it('tells of a touch that failed by the digest, of an id or of what a list gave', async () => {
    const working = hashed()
    await login(working)
    const broken = {
      isBroken: false,
      async send(commands: Parameters<typeof client.send>[0]) {
        if (this.isBroken) throw new Error('down')
        return client.send(commands)
      },
    }
    const store = hashed({ client: broken })
    const failed = heard<{ sid: string; error: RedisError }>(store, 'touchFailed')
    const [listed] = await store.all()
    broken.isBroken = true
    const touch = (sid: string, session: SessionData) =>
      new Promise((done) => {
        store.touch(sid, session, done)
      })
    const { id } = listed as { id: string }
    expect(await touch(id, listed as SessionData)).to.equal(null)
    expect(await touch(SIDS[0] as string, data())).to.equal(null)
    expect(failed.map(({ sid }) => sid)).to.deep.equal([id, digestOf(SIDS[0] as string)])
    for (const { error } of failed) expect(error).to.be.instanceOf(RedisError)
  })

  it('does not find what was there before', async () => {
    const before = makeStore()
    await before.set('1', data({ user: 'ann' }))
    expect(await hashed().get('1')).to.equal(null)
  })

  it('refuses what is no id, as a promise and to a callback, without a throw', async () => {
    for (const hashKeys of [true, false]) {
      const client = { send: () => new Promise<never>(() => {}) }
      const store = new SolidisStore({ client, hashKeys, maxPending: 1, timeout: 0 })
      for (const sid of [undefined, 5, '\ud800'] as string[]) {
        expect(await rejection(store.get(sid))).to.include({ code: 'ERR_INVALID_ARG_TYPE' })
      }
      store.exists('waits').catch(() => {})
      // Refused before anybody has looked at the id.
      const told = await new Promise((done) => {
        store.touch('\ud800', data(), done)
      })
      expect(told).to.include({ code: 'ERR_INVALID_ARG_TYPE' })
    }
  })

  it('is a boolean', () => {
    const options = { client: stubClient(), hashKeys: 'yes' as never }
    expect(() => new SolidisStore(options)).to.throw(TypeError, 'hashKeys: expected a boolean')
  })

  it('lets express-session do all that it does', async () => {
    const store = hashed({ encryption: { secrets: ['a secret of no less than 32 bytes'] } })
    const site = createSite({ store, cookie: { maxAge: 100_000 }, rolling: true })
    const gone = heard(store, 'gone')
    const { browser, sid } = await logIn(site)
    expect(await store.ids()).to.deep.equal([digestOf(sid)])
    await browser.post('/note/mine').expect(200)
    expect((await browser.post('/reload').expect(200)).body).to.include({ sid, note: 'mine' })
    await browser.post('/save').expect(200)
    await ask(client, 'PEXPIRE', store.prefix + digestOf(sid), '50000')
    await browser.get('/profile').expect(200)
    const left = Number(await ask(client, 'PTTL', store.prefix + digestOf(sid)))
    expect(left, 'rolling').to.be.above(60_000)
    expect(await everythingIn(store.prefix)).not.to.include(sid)
    const again = await browser.post('/login/ann').expect(200)
    expect(again.body.sid, 'regenerated').not.to.equal(sid)
    expect(await store.ids()).to.deep.equal([digestOf(again.body.sid)])
    await browser.post('/logout').expect(200)
    await browser.get('/profile').expect(401)
    expect(await store.length()).to.equal(0)
    expect(gone).to.deep.equal([])
    await agent(site).get('/profile').expect(401)
  })

  it('lets @fastify/session do all that it does', async () => {
    const store = hashed()
    const site = await FastifySite.start(store)
    try {
      const browser = new Browser()
      const { sid } = await browser.ask(site, { set: { user: 'ann' } })
      expect(await store.ids()).to.deep.equal([digestOf(sid)])
      expect((await browser.ask(site, { set: { seen: true } })).attributes).to.include({
        user: 'ann',
      })
      await browser.ask(site, { call: 'reload' }, { call: 'save' })
      expect(await store.get(sid)).to.include({ user: 'ann', seen: true })
      expect(await everythingIn(store.prefix)).not.to.include(sid)
      const { sid: next } = await browser.ask(
        site,
        { call: 'regenerate' },
        { set: { user: 'bob' } },
      )
      expect(next).not.to.equal(sid)
      expect(await store.ids()).to.deep.equal([digestOf(next)])
      await browser.ask(site, { call: 'destroy' })
      expect(await store.length()).to.equal(0)
    } finally {
      await site.stop()
    }
  })
})
