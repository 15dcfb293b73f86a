import { setImmediate as turn } from 'node:timers/promises'
import { expect } from 'chai'
import type { SessionData } from 'express-session'
import sinon from 'sinon'
import type { SolidisStore, SolidisStoreOptions } from '../../lib/index.ts'
import {
  ask,
  attributesOf,
  data,
  expireAt,
  ONE_HOUR_MS,
  open,
  save,
  stored,
  touch,
} from '../support/requests.ts'
import { add, heard, POLICIES, SID, useStores } from '../support/two-sessions.ts'

describe('who does not mean to change the life of a session', () => {
  const { client, key, life, makeStore, twoStores } = useStores()
  let clock: sinon.SinonFakeTimers | undefined

  afterEach(() => {
    clock?.restore()
    clock = undefined
  })

  /** Lets others believe that a request has taken so long. Redis has its own clock. */
  function later(ms: number): void {
    clock = sinon.useFakeTimers({ now: Date.now() + ms, toFake: ['Date'] })
  }

  const expire = (ms: number) => ask(client, 'PEXPIRE', key(), String(ms))

  /** Sessions that end with the browser, so their life is that of `ttl`. */
  const sessionCookie = () => ({ ...data({ a: 1 }), cookie: { originalMaxAge: null, path: '/' } })

  for (const [policy, onConflict] of POLICIES) {
    it(`keeps it in a long request, whose cookie is over by the end (${policy})`, async () => {
      const [store, other] = await twoStores({ a: 1 }, { onConflict })
      const gone = heard(store, 'gone')
      const socket = await open(store, SID)
      const page = await open(other, SID)
      expireAt(page, Date.now() + 5 * ONE_HOUR_MS)
      await touch(page)
      later(2 * ONE_HOUR_MS)
      await save(Object.assign(socket, { a: 2 }))
      await save(Object.assign(socket, { a: 3 }))
      expect(await stored(store, SID)).to.deep.equal({ a: 3 })
      expect(await life()).to.be.above(4.5 * ONE_HOUR_MS)
      expect(gone).to.deep.equal([])
    })

    it(`keeps it where both change the session (${policy})`, async () => {
      if (onConflict === 'reject') return
      const [store, other] = await twoStores({ a: 1 }, { onConflict })
      const ours = await open(store, SID)
      const theirs = await open(other, SID)
      expireAt(theirs, Date.now() + 5 * ONE_HOUR_MS)
      await save(Object.assign(theirs, { b: 2 }))
      await save(Object.assign(ours, { c: 3 }))
      expect(await life()).to.be.above(4.5 * ONE_HOUR_MS)
    })
  }

  it('keeps the life of a key that never expires', async () => {
    const store = makeStore()
    await store.set(SID, data({ a: 1 }))
    await ask(client, 'PERSIST', key())
    await save(Object.assign(await open(store, SID), { a: 2 }))
    await store.update(SID, add)
    expect(await life()).to.equal(-1)
  })

  it('who moves the date sets it', async () => {
    const store = makeStore()
    await store.set(SID, data())
    for (const hours of [5, 2]) {
      const session = await open(store, SID)
      expireAt(session, Date.now() + hours * ONE_HOUR_MS)
      await save(session)
      expect(await life()).to.be.within((hours - 0.5) * ONE_HOUR_MS, hours * ONE_HOUR_MS)
    }
  })

  it('who moves the date, and moves it back before that is written, has it as it was', async () => {
    const [store] = await twoStores({ a: 1 })
    const session = (await store.get(SID)) as SessionData
    const { expires } = session.cookie
    session.cookie.expires = new Date(Date.now() + 5 * ONE_HOUR_MS)
    const moved = store.set(SID, session)
    session.cookie.expires = expires
    await Promise.all([moved, store.set(SID, session)])
    expect(await life()).to.be.at.most(ONE_HOUR_MS)
  })

  it('who sets a session with a cookie that ends with the browser sets it by ttl', async () => {
    const store = makeStore({ ttl: 7200 })
    await store.set(SID, sessionCookie() as unknown as SessionData)
    await expire(1000_000)
    await save(Object.assign(await open(store, SID), { a: 2 }))
    expect(await life()).to.be.above(1.5 * ONE_HOUR_MS)
  })

  describe('a touch', () => {
    it('by who knew a shorter life shortens none', async () => {
      const [store, other] = await twoStores({ a: 1 })
      const [theirs, ours] = [await open(other, SID), await open(store, SID)]
      expireAt(theirs, Date.now() + 5 * ONE_HOUR_MS)
      await touch(theirs)
      expireAt(ours, Date.now() + 2 * ONE_HOUR_MS)
      await touch(ours)
      expect(await life()).to.be.above(4.5 * ONE_HOUR_MS)
    })

    it('by who knew the longer one may shorten it', async () => {
      const [store, other] = await twoStores({ a: 1 })
      const theirs = await open(other, SID)
      expireAt(theirs, Date.now() + 5 * ONE_HOUR_MS)
      await touch(theirs)
      const ours = await open(store, SID)
      expireAt(ours, Date.now() + 2 * ONE_HOUR_MS)
      await touch(ours)
      expect(await life()).to.be.below(2.5 * ONE_HOUR_MS)
    })

    for (const [how, lengthen] of [
      ['touched', touch],
      ['saved', save],
    ] as const) {
      it(`by who has ${how} it before may shorten it`, async () => {
        const [store] = await twoStores({ a: 1 })
        const ours = await open(store, SID)
        expireAt(ours, Date.now() + 5 * ONE_HOUR_MS)
        await lengthen(ours)
        expireAt(ours, Date.now() + 2 * ONE_HOUR_MS)
        await touch(ours)
        expect(await life()).to.be.within(1.5 * ONE_HOUR_MS, 2 * ONE_HOUR_MS)
      })
    }
  })

  describe('update', () => {
    const changes: [string, (session: SessionData) => void | Promise<void>][] = [
      ['synchronous', add],
      ['asynchronous', async (session) => turn(add(session))],
    ]
    for (const [kind, change] of changes) {
      it(`keeps what a page view gives meanwhile (${kind})`, async () => {
        const [store, other] = await twoStores({})
        await expire(60_000)
        const page = await open(other, SID)
        expireAt(page, Date.now() + 5 * ONE_HOUR_MS)
        await store.update(SID, async (session) => {
          await touch(page)
          await change(session)
        })
        expect(await life()).to.be.above(4.5 * ONE_HOUR_MS)
        expect(await stored(store, SID)).to.deep.equal({ count: 1 })
      })

      const ways: [string, Partial<SolidisStoreOptions>][] = [
        ['a date in the cookie', {}],
        ['a ttl', { ttl: 10_000 }],
        ['a ttl function', { ttl: () => 10_000 }],
      ]
      for (const [name, options] of ways) {
        it(`renews no idle session with ${name} (${kind})`, async () => {
          const store = makeStore(options)
          const session = name === 'a ttl' ? sessionCookie() : data({ a: 1 })
          await store.set(SID, session as unknown as SessionData)
          await expire(60_000)
          for (let i = 0; i < 3; i++) await store.update(SID, change)
          expect(await life()).to.be.at.most(60_000)
          expect(await stored(store, SID)).to.deep.equal({ a: 1, count: 3 })
        })
      }
    }

    it('keeps it where it loses against another, too', async () => {
      const [store, other] = await twoStores({})
      await expire(60_000)
      const page = await open(other, SID)
      expireAt(page, Date.now() + 5 * ONE_HOUR_MS)
      let isFirst = true
      await store.update(SID, async (session) => {
        if (isFirst) await save(Object.assign(page, { page: 1 }))
        isFirst = false
        add(session)
      })
      expect(await life()).to.be.above(4.5 * ONE_HOUR_MS)
      expect(await stored(store, SID)).to.deep.equal({ count: 1, page: 1 })
    })

    const cookies: [string, (session: SessionData) => void][] = [
      [
        'the date',
        ({ cookie }) => {
          cookie.expires = new Date(Date.now() + 5 * ONE_HOUR_MS)
        },
      ],
      [
        'the whole cookie',
        (session) => {
          const expires = new Date(Date.now() + 5 * ONE_HOUR_MS)
          Object.assign(session, { cookie: { originalMaxAge: 5 * ONE_HOUR_MS, expires } })
        },
      ],
    ]
    for (const [what, change] of cookies) {
      for (const loses of [false, true]) {
        it(`sets it where it changes ${what}${loses ? ', after a conflict' : ''}`, async () => {
          const [store, other] = await twoStores({})
          let isFirst = loses
          await store.update(SID, async (session) => {
            if (isFirst) await other.update(SID, add)
            isFirst = false
            change(session)
          })
          expect(await life()).to.be.within(4.5 * ONE_HOUR_MS, 5 * ONE_HOUR_MS)
          expect(await stored(store, SID)).to.deep.equal(loses ? { count: 1 } : {})
        })
      }
    }

    it('sets it where a ttl function gives another one afterwards', async () => {
      const ttl = (session: SessionData) => ('remember' in session ? 10_000 : 1000)
      const store: SolidisStore = makeStore({ ttl })
      await store.set(SID, data())
      const updated = await store.update(SID, (s) => void Object.assign(s, { remember: 1 }))
      expect(await life()).to.be.above(5_000_000)
      expect(attributesOf(updated as SessionData)).to.deep.equal({ remember: 1 })
    })
  })
})
