import { expect } from 'chai'
import expressSession, { type SessionData, type Store } from 'express-session'
import { type Callback, carrySnapshot, type SolidisStore } from '../../lib/index.ts'
import {
  type Data,
  data,
  expireAt,
  ONE_HOUR_MS,
  open,
  type RequestSession,
  request,
  save,
  sessionOf,
  stored,
  touch,
} from '../support/requests.ts'
import { heard, SID, useStores } from '../support/two-sessions.ts'

type Request = Parameters<Store['createSession']>[0]

/** A store around another one, as for metrics or a cache: it forwards `createSession`, too. */
class Metered extends expressSession.Store {
  calls = 0
  readonly #inner: SolidisStore

  constructor(inner: SolidisStore) {
    super()
    this.#inner = inner
  }

  override get(sid: string, callback: Callback<SessionData | null>): void {
    this.calls++
    this.#inner.get(sid, callback)
  }

  override set(sid: string, session: SessionData, callback?: Callback): void {
    this.calls++
    this.#inner.set(sid, session, callback)
  }

  override touch(sid: string, session: SessionData, callback?: Callback): void {
    this.calls++
    this.#inner.touch(sid, session, callback)
  }

  override destroy(sid: string, callback?: Callback): void {
    this.calls++
    this.#inner.destroy(sid, callback)
  }

  override createSession(req: Request, session: SessionData) {
    return this.#inner.createSession(req, session)
  }
}

describe('a store around SolidisStore that forwards createSession', () => {
  const { life, makeStore, twoStores } = useStores()

  /** The session of a request that was loaded through the outer store. */
  async function openVia(outer: Metered): Promise<RequestSession> {
    const loaded = await new Promise<SessionData>((resolve, reject) => {
      outer.get(SID, (error, session) => (error ? reject(error) : resolve(session as SessionData)))
    })
    const req = { sessionID: SID, sessionStore: outer, session: undefined as unknown }
    outer.createSession(req as unknown as Request, loaded)
    return req.session as RequestSession
  }

  it('merges, and keeps what is gone gone', async () => {
    const [inner, other] = await twoStores({ a: 1, b: 1 })
    const gone = heard(inner, 'gone')
    const outer = new Metered(inner)
    const ours = await openVia(outer)
    await save(Object.assign(await open(other, SID), { a: 2 }))
    await save(Object.assign(ours, { b: 3 }))
    expect(await stored(inner, SID)).to.deep.equal({ a: 2, b: 3 })
    await other.destroy(SID)
    await save(Object.assign(ours, { b: 4 }))
    expect(await stored(inner, SID)).to.equal(null)
    expect(gone).to.deep.equal([{ sid: SID }])
    expect(outer.calls).to.equal(3)
  })

  it('keeps the lives that others give, and compares a new session from its first save on', async () => {
    const [inner, other] = await twoStores({ a: 1 })
    const ours = await openVia(new Metered(inner))
    const page = await open(other, SID)
    expireAt(page, Date.now() + 5 * ONE_HOUR_MS)
    await touch(page)
    await save(Object.assign(ours, { a: 2 }))
    expect(await life()).to.be.above(4.5 * ONE_HOUR_MS)
    await inner.destroy(SID)
    const outer = new Metered(inner)
    const req = { sessionID: SID, sessionStore: outer }
    const fresh = outer.createSession(req as unknown as Request, data()) as RequestSession
    await save(Object.assign(fresh, { b: 1 }))
    await inner.destroy(SID)
    await save(Object.assign(fresh, { b: 2 }))
    expect(await stored(inner, SID)).to.equal(null)
  })

  it('may make objects of its own, for which it carries what they stand for', async () => {
    const [store, other] = await twoStores({ a: 1, b: 1 })
    const loaded = (await store.get(SID)) as Data
    const mine = { ...loaded }
    carrySnapshot(loaded, mine)
    await save(Object.assign(await open(other, SID), { a: 2 }))
    await store.set(SID, Object.assign(mine, { b: 3 }) as Data)
    expect(await stored(store, SID)).to.deep.equal({ a: 2, b: 3 })
    await store.destroy(SID)
    await store.set(SID, mine as Data)
    expect(await stored(store, SID)).to.equal(null)
  })

  it('carries nothing where there is nothing', async () => {
    const store = makeStore()
    const mine = data({ a: 1 })
    carrySnapshot(data(), mine)
    await store.set(SID, mine)
    expect(await stored(store, SID)).to.deep.equal({ a: 1 })
  })

  it('lets two objects that stand for one go their own ways', async () => {
    const [store] = await twoStores({ a: 1, b: 1 })
    const one = (await store.get(SID)) as Data
    const other = { ...one } as Data
    carrySnapshot(one, other)
    await store.set(SID, Object.assign(one, { a: 2 }))
    await store.set(SID, Object.assign(other, { b: 3 }))
    expect(await stored(store, SID)).to.deep.equal({ a: 2, b: 3 })
  })

  it('has copies written as they are', async () => {
    const [store, other] = await twoStores({ a: 1 })
    const copy = { ...(await store.get(SID)) } as Data
    await save(Object.assign(await open(other, SID), { a: 2 }))
    await store.set(SID, Object.assign(copy, { b: 3 }))
    expect(await stored(store, SID)).to.deep.equal({ a: 1, b: 3 })
    const req = await request(store, SID)
    await store.destroy(SID)
    await store.set(SID, { ...sessionOf(req) } as Data)
    expect(await stored(store, SID)).to.deep.equal({ a: 1, b: 3 })
  })
})
