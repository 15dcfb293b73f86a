import { setImmediate as turn } from 'node:timers/promises'
import { expect } from 'chai'
import type { SessionData } from 'express-session'
import { RedisError, type SolidisLike } from '../../lib/index.ts'
import { rejection } from '../support/calls.ts'
import { recording } from '../support/gate.ts'
import { withNative, withoutNative } from '../support/native.ts'
import { ask, data, expireAt, ONE_HOUR_MS, open, save, stored } from '../support/requests.ts'
import { SID, useStores } from '../support/two-sessions.ts'

describe('compare and set', () => {
  const { client, key, makeStore, twoStores, twoSessions } = useStores()

  it('costs one command, and one round trip, where nothing has changed', async () => {
    const { ours } = await twoSessions({ a: 1 })
    await save(Object.assign(ours, { a: 2 }))
    const counted = recording(client)
    const store = makeStore({ client: withoutNative(counted) })
    const session = await open(store, SID)
    expect(counted.trips.splice(0)).to.have.length(1)
    await save(Object.assign(session, { a: 3 }))
    expect(counted.trips).to.deep.equal([['EVALSHA']])
  })

  it('costs as much where the server has one of its own', async () => {
    const counted = recording(withNative(client))
    const { store, theirs, ours } = await twoSessions({ a: 1 }, { client: counted })
    counted.trips.length = 0
    await save(Object.assign(ours, { a: 2 }))
    await save(Object.assign(ours, { a: 3 }))
    await save(Object.assign(theirs, { b: 1 }))
    expect(counted.trips).to.have.length(4)
    for (const trip of counted.trips) expect(trip).to.deep.equal(['SET', 'ECHO'])
    expect(await stored(store, SID)).to.deep.equal({ a: 3, b: 1 })
  })

  it('asks by EVAL once where the server does not know the script', async () => {
    const counted = recording(client)
    const { ours } = await twoSessions({ a: 1 }, { client: withoutNative(counted) })
    await ask(client, 'SCRIPT', 'FLUSH')
    counted.trips.length = 0
    await save(Object.assign(ours, { a: 2 }))
    await save(Object.assign(ours, { a: 3 }))
    expect(counted.trips).to.deep.equal([['EVALSHA'], ['EVAL'], ['EVALSHA']])
  })

  it('merges several saves of one request, each from the one before', async () => {
    const [one, other] = await twoStores({ a: 1, b: 1 })
    const ours = await open(one, SID)
    await save(Object.assign(ours, { a: 2 }))
    const theirs = await open(other, SID)
    await save(Object.assign(theirs, { a: 'theirs', theirs: true }))
    await save(Object.assign(ours, { b: 3 }))
    expect(await stored(one, SID)).to.deep.equal({ a: 'theirs', b: 3, theirs: true })
  })

  it('leaves alone, in later saves, what it merged in from others', async () => {
    const { store, theirs, ours } = await twoSessions({ a: 1, b: 1 })
    await save(Object.assign(theirs, { a: 2, new: 'theirs' }))
    await save(Object.assign(ours, { b: 3 }))
    await save(Object.assign(ours, { c: 4 }))
    expect(await stored(store, SID)).to.deep.equal({ a: 2, b: 3, c: 4, new: 'theirs' })
  })

  it('deletes, in a later save, what an earlier one added', async () => {
    const { store, theirs, ours } = await twoSessions({ a: 1 })
    await save(Object.assign(theirs, { b: 2 }))
    await save(Object.assign(ours, { c: 3 }))
    delete ours.c
    await save(ours)
    expect(await stored(store, SID)).to.deep.equal({ a: 1, b: 2 })
  })

  for (const onConflict of ['merge', 'overwrite', 'reject'] as const) {
    it(`${onConflict}: undoes, in a later save, what an earlier one changed`, async () => {
      const { store, ours } = await twoSessions({ a: 1 }, { onConflict })
      await save(Object.assign(ours, { a: 2 }))
      await save(Object.assign(ours, { a: 1 }))
      expect(await stored(store, SID)).to.deep.equal({ a: 1 })
    })

    it(`${onConflict}: undoes it where both saves are under way at once`, async () => {
      const { store, ours } = await twoSessions({ a: 1 }, { onConflict })
      const first = save(Object.assign(ours, { a: 2 }))
      await Promise.all([first, save(Object.assign(ours, { a: 1 }))])
      expect(await stored(store, SID)).to.deep.equal({ a: 1 })
    })
  }

  for (const onConflict of ['merge', 'overwrite', 'reject'] as const) {
    it(`${onConflict}: writes at the second try what failed at the first`, async () => {
      let broken = false
      const flaky: SolidisLike = {
        send: (commands) => (broken ? Promise.reject(new Error('down')) : client.send(commands)),
      }
      const { store, ours } = await twoSessions({ a: 1 }, { onConflict, client: flaky })
      broken = true
      expect(await rejection(save(Object.assign(ours, { a: 2 })))).to.be.an.instanceof(RedisError)
      broken = false
      await save(ours)
      expect(await stored(store, SID)).to.deep.equal({ a: 2 })
    })
  }

  it('merges two saves of one session at once with the change of another', async () => {
    const [one, other] = await twoStores({ a: 1, b: 1 })
    const ours = await open(one, SID)
    await save(Object.assign(await open(other, SID), { a: 2, b: 2 }))
    const first = save(Object.assign(ours, { a: 3, c: 3 }))
    delete ours.c
    await Promise.all([first, save(Object.assign(ours, { d: 4 }))])
    expect(await stored(one, SID)).to.deep.equal({ a: 3, b: 2, d: 4 })
  })

  it('writes on where ttl decides and the date in the cookie is none', async () => {
    const { store, ours } = await twoSessions({ a: 1 }, { ttl: () => 60 })
    expireAt(ours, Number.NaN)
    await save(Object.assign(ours, { a: 2 }))
    await save(Object.assign(ours, { a: 3 }))
    expect(await stored(store, SID)).to.deep.equal({ a: 3 })
  })

  it('holds no session that nobody else holds', async () => {
    const { default: v8 } = await import('node:v8')
    const { default: vm } = await import('node:vm')
    v8.setFlagsFromString('--expose-gc')
    const collectGarbage = vm.runInNewContext('gc') as () => void
    const store = makeStore()
    await store.set(SID, data({ a: 0 }))
    const sessions: WeakRef<object>[] = []
    for (let i = 1; i <= 100; i++) {
      const session = await open(store, SID)
      await save(Object.assign(session, { a: i }))
      sessions.push(new WeakRef(session))
    }
    await turn()
    collectGarbage()
    const held = sessions.filter((session) => session.deref() !== undefined)
    expect(held.length).to.be.below(50)
  })

  it('merges the cookie, of whose dates the later one stands', async () => {
    const { store, theirs, ours } = await twoSessions({ a: 1 })
    theirs.cookie.httpOnly = false
    expireAt(theirs, Date.now() + 9 * ONE_HOUR_MS)
    await save(Object.assign(theirs, { b: 2 }))
    expireAt(ours, Date.now() + 5 * ONE_HOUR_MS)
    await save(Object.assign(ours, { c: 3 }))
    const { cookie } = (await store.get(SID)) as SessionData
    expect(cookie.httpOnly).to.equal(false)
    expect(Number(await ask(client, 'PTTL', key()))).to.be.closeTo(5 * ONE_HOUR_MS, ONE_HOUR_MS)
  })

  it('lets a session that never expires do so still after a merge', async () => {
    const { store, theirs, ours } = await twoSessions({ a: 1 }, { disableTTL: true })
    await save(Object.assign(theirs, { b: 2 }))
    await save(Object.assign(ours, { c: 3 }))
    expect(await ask(client, 'PTTL', key())).to.equal(-1)
    expect(await stored(store, SID)).to.deep.equal({ a: 1, b: 2, c: 3 })
  })
})
