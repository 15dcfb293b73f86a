import { expect } from 'chai'
import { Gate } from '../support/gate.ts'
import { freshPrefix } from '../support/redis.ts'
import {
  attributesOf,
  type Data,
  data,
  equip,
  open,
  regenerate,
  reload,
  request,
  save,
  sessionOf,
  stored,
} from '../support/requests.ts'
import { heard, SID, useStores } from '../support/two-sessions.ts'

describe('what a session is compared with', () => {
  const { client, makeStore, twoStores, twoSessions } = useStores()

  it('compares anew after reload', async () => {
    const [one, other] = await twoStores({ a: 1, b: 1 }, { onConflict: 'reject' })
    const req = await request(one, SID)
    await save(Object.assign(await open(other, SID), { a: 2 }))
    Object.assign(sessionOf(req), { b: 'discarded' })
    const ours = await reload(req)
    expect(attributesOf(ours)).to.deep.equal({ a: 2, b: 1 })
    await save(Object.assign(ours, { b: 3 }))
    expect(await stored(one, SID)).to.deep.equal({ a: 2, b: 3 })
  })

  it('writes a regenerated session, under its new id, and leaves the old one gone', async () => {
    const store = equip(makeStore({ onConflict: 'reject' }))
    await store.set(SID, data({ a: 1 }))
    const gone = heard(store, 'gone')
    const slow = await open(store, SID)
    const req = await request(store, SID)
    await regenerate(sessionOf(req))
    const fresh = sessionOf(req)
    expect(fresh.id).to.not.equal(SID)
    await save(Object.assign(fresh, { b: 2 }))
    await save(Object.assign(slow, { a: 3 }))
    expect(await stored(store, fresh.id)).to.deep.equal({ b: 2 })
    expect(await stored(store, SID)).to.equal(null)
    expect(gone).to.deep.equal([{ sid: SID }])
  })

  it('compares a regenerated session from its first save on', async () => {
    const store = equip(makeStore())
    await store.set(SID, data())
    const req = await request(store, SID)
    await regenerate(sessionOf(req))
    const fresh = sessionOf(req)
    await save(Object.assign(fresh, { a: 1 }))
    await store.destroy(fresh.id)
    await save(Object.assign(fresh, { a: 2 }))
    expect(await stored(store, fresh.id)).to.equal(null)
  })

  it('writes a plain object whatever there is', async () => {
    const store = makeStore({ onConflict: 'reject' })
    const plain = data({ a: 1 })
    await store.set(SID, plain)
    await store.set(SID, data({ b: 2 }))
    await store.set(SID, plain)
    expect(await stored(store, SID)).to.deep.equal({ a: 1 })
    await store.destroy(SID)
    await store.set(SID, plain)
    expect(await stored(store, SID)).to.deep.equal({ a: 1 })
  })

  it('compares what get gave, though it never became a Session', async () => {
    const store = makeStore()
    await store.set(SID, data({ a: 1, b: 1 }))
    const [theirs, ours] = [await store.get(SID), await store.get(SID)] as [Data, Data]
    await store.set(SID, Object.assign(theirs, { a: 2 }))
    await store.set(SID, Object.assign(ours, { b: 3 }))
    expect(await stored(store, SID)).to.deep.equal({ a: 2, b: 3 })
    await store.destroy(SID)
    await store.set(SID, ours)
    expect(await stored(store, SID)).to.equal(null)
  })

  it('compares what load gave', async () => {
    const store = makeStore()
    await store.set(SID, data({ a: 1 }))
    const session = await new Promise<Data>((resolve, reject) => {
      store.load(SID, (error, loaded) => (error ? reject(error) : resolve(loaded as Data)))
    })
    await store.destroy(SID)
    await store.set(SID, Object.assign(session, { a: 2 }))
    expect(await stored(store, SID)).to.equal(null)
  })

  it('writes under another id unconditionally', async () => {
    const { store, ours } = await twoSessions({ a: 1 })
    await store.set('another', ours)
    expect(await stored(store, 'another')).to.deep.equal({ a: 1 })
  })

  it('goes on comparing under its own id after a save under another', async () => {
    const { store, ours } = await twoSessions({ a: 1 })
    await store.set('another', ours)
    await store.destroy(SID)
    await save(Object.assign(ours, { a: 2 }))
    expect(await stored(store, SID)).to.equal(null)
  })

  it('goes on comparing after a save into another store', async () => {
    const { store, ours } = await twoSessions({ a: 1 })
    await makeStore({ prefix: freshPrefix() }).set(SID, ours)
    await store.destroy(SID)
    await save(Object.assign(ours, { a: 2 }))
    expect(await stored(store, SID)).to.equal(null)
  })

  it('writes what it wrote into another store or under another id before', async () => {
    const { store, ours } = await twoSessions({ a: 1, b: 1 })
    const elsewhere = makeStore({ prefix: freshPrefix() })
    await elsewhere.set(SID, Object.assign(ours, { a: 2 }))
    expect(await stored(elsewhere, SID)).to.deep.equal({ a: 2, b: 1 })
    await store.set('another', Object.assign(ours, { b: 2 }))
    await save(ours)
    expect(await stored(store, SID)).to.deep.equal({ a: 2, b: 2 })
  })

  it('survives a save under another id while one is under way', async () => {
    const gate = new Gate()
    const { store, theirs, ours } = await twoSessions({ a: 1, b: 1 }, { client: gate.wrap(client) })
    gate.close()
    const first = save(Object.assign(theirs, { a: 2 }))
    await gate.holds(1)
    const second = save(Object.assign(ours, { b: 3 }))
    const elsewhere = store.set('another', ours)
    await gate.holds(2)
    await gate.pass(1)
    await elsewhere
    await gate.open()
    await Promise.all([first, second])
    expect(await stored(store, SID)).to.deep.equal({ a: 2, b: 3 })
  })
})
