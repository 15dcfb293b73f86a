import { expect } from 'chai'
import type { SolidisStoreOptions } from '../../lib/index.ts'
import { rejection } from '../support/calls.ts'
import { FaultyClient, UNKNOWN } from '../support/faults.ts'
import {
  attributesOf,
  type Data,
  data,
  ONE_HOUR_MS,
  open,
  type RequestSession,
  save,
  touch,
} from '../support/requests.ts'
import { SERIALIZERS } from '../support/serializers.ts'
import { POLICIES, SID, useStores } from '../support/two-sessions.ts'

const DAY_MS = 24 * ONE_HOUR_MS

/** What the middleware does at the end of every request. */
function renew(session: RequestSession): RequestSession {
  session.touch()
  return session
}

function rememberMe(session: RequestSession): RequestSession {
  session.cookie.maxAge = 30 * DAY_MS
  return renew(session)
}

describe('a change of the cookie', () => {
  const { client, life, makeStore, twoStores } = useStores()

  /** Two processes, each with a request that has loaded the session. */
  async function twoRequests(options: Partial<SolidisStoreOptions> = {}) {
    const [store, other] = await twoStores({ a: 1 }, options)
    return { store, theirs: await open(other, SID), ours: await open(store, SID) }
  }

  async function expectRemembered() {
    expect(await life()).to.be.above(29 * DAY_MS)
    const session = (await makeStore().get(SID)) as Data
    expect(session.cookie.originalMaxAge).to.be.closeTo(30 * DAY_MS, 100)
    return attributesOf(session)
  }

  for (const [policy, onConflict] of POLICIES) {
    it(`outlives a touch by a request that knew the shorter life (${policy})`, async () => {
      const { theirs, ours } = await twoRequests({ onConflict })
      await save(Object.assign(rememberMe(theirs), { remember: true }))
      await touch(renew(ours))
      expect(await expectRemembered()).to.deep.equal({ a: 1, remember: true })
    })

    it(`outlives a save that changes nothing (${policy})`, async () => {
      const { theirs, ours } = await twoRequests({ onConflict })
      await save(rememberMe(theirs))
      await save(renew(ours))
      await expectRemembered()
    })

    it(`comes through after the touch of another (${policy})`, async () => {
      const { theirs, ours } = await twoRequests({ onConflict })
      await touch(renew(theirs))
      await save(rememberMe(ours))
      await expectRemembered()
    })

    it(`comes through by a touch alone, which writes nothing else (${policy})`, async () => {
      const { theirs, ours } = await twoRequests({ onConflict })
      await save(Object.assign(renew(theirs), { a: 2 }))
      await touch(Object.assign(rememberMe(ours), { a: 'not to be written', b: 1 }))
      expect(await expectRemembered()).to.deep.equal({ a: 2 })
    })

    it(`comes through in a session that is new (${policy})`, async () => {
      const { store } = await twoRequests({ onConflict })
      await store.destroy(SID)
      const req = { sessionID: SID, sessionStore: store }
      const cookie = { originalMaxAge: ONE_HOUR_MS, expires: new Date(Date.now() + ONE_HOUR_MS) }
      const session = store.createSession(req as never, { cookie } as Data) as RequestSession
      await save(renew(session))
      await save(rememberMe(session))
      await expectRemembered()
    })
  }

  for (const changesFirst of [true, false]) {
    it(`and that of another attribute are both kept, the cookie ${changesFirst ? 'first' : 'last'}`, async () => {
      const { theirs, ours } = await twoRequests()
      const saves = [
        () => save(Object.assign(rememberMe(theirs), { remember: true })),
        () => save(Object.assign(renew(ours), { seen: 1 })),
      ]
      if (!changesFirst) saves.reverse()
      for (const each of saves) await each()
      expect(await expectRemembered()).to.deep.equal({ a: 1, remember: true, seen: 1 })
    })
  }

  it('to a shorter life stands against a request that knew the longer one', async () => {
    const { theirs, ours } = await twoRequests()
    theirs.cookie.maxAge = ONE_HOUR_MS / 60
    await save(renew(theirs))
    await save(Object.assign(renew(ours), { seen: 1 }))
    expect(await life()).to.be.below(ONE_HOUR_MS / 2)
  })

  it('to one that ends with the browser stands, too', async () => {
    const { store, theirs, ours } = await twoRequests({ ttl: 10 * DAY_MS })
    Object.assign(theirs.cookie, { originalMaxAge: null, expires: null })
    await save(theirs)
    await touch(renew(ours))
    await save(Object.assign(ours, { seen: 1 }))
    const session = (await store.get(SID)) as Data
    expect(session.cookie).to.include({ originalMaxAge: null, expires: null })
  })

  it('of maxAge alone is what the next page goes by', async () => {
    const { store, ours } = await twoRequests()
    await touch(rememberMe(ours))
    const next = await open(store, SID)
    expect(next.cookie.originalMaxAge).to.be.closeTo(30 * DAY_MS, 100)
    await touch(renew(next))
    await expectRemembered()
  })

  for (const [name, makeSerializer] of SERIALIZERS) {
    it(`by a touch is written behind the saves before it, with ${name}`, async () => {
      const [store, other] = await twoStores({ a: 1 }, { serializer: makeSerializer() })
      const ours = await open(store, SID)
      const saved = save(Object.assign(ours, { a: 2 }))
      await Promise.all([saved, touch(rememberMe(ours))])
      const session = (await other.get(SID)) as Data
      expect(attributesOf(session)).to.deep.equal({ a: 2 })
      expect(session.cookie.originalMaxAge).to.be.closeTo(30 * DAY_MS, 100)
      expect(await life()).to.be.above(29 * DAY_MS)
    })
  }

  it('by a touch brings nothing back', async () => {
    const { store, theirs, ours } = await twoRequests()
    await store.destroy(theirs.id)
    await touch(rememberMe(ours))
    expect(await store.exists(SID)).to.equal(false)
  })

  for (const fault of UNKNOWN.filter((fault) => !fault.includes('never'))) {
    it(`by a touch, after a save that ${fault}, comes with the session as it is now`, async () => {
      const faulty = new FaultyClient(client)
      const store = makeStore({ client: faulty })
      await store.set(SID, data({ a: 1 }))
      const ours = await open(store, SID)
      faulty.faults.push(fault)
      await rejection(save(Object.assign(ours, { role: 'admin' })))
      delete ours.role
      await touch(rememberMe(Object.assign(ours, { a: 2 })))
      expect(await expectRemembered()).to.deep.equal({ a: 2 })
    })
  }
})
