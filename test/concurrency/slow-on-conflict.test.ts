import { setImmediate as turn } from 'node:timers/promises'
import { expect } from 'chai'
import type { SessionData } from 'express-session'
import sinon from 'sinon'
import { rejection } from '../support/calls.ts'
import { expireCalls } from '../support/faults.ts'
import { Gate } from '../support/gate.ts'
import { attributesOf, type Data, data, save, stored } from '../support/requests.ts'
import { add, SID, useStores } from '../support/two-sessions.ts'

describe('onConflict: a function that takes its time', () => {
  const { client, makeStore, twoSessions } = useStores()
  const TIMEOUT = 5000
  let clock: sinon.SinonFakeTimers

  beforeEach(() => {
    clock = sinon.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  })
  afterEach(() => clock.restore())

  /** A save that waits for a decision which does not come. */
  async function undecided(onConflict: () => Promise<SessionData>) {
    const spy = sinon.spy(onConflict)
    const options = { onConflict: spy, timeout: TIMEOUT }
    const { store, theirs, ours } = await twoSessions({ a: 1 }, options)
    await save(Object.assign(theirs, { a: 2 }))
    const outcome = rejection(save(Object.assign(ours, { b: 3 })))
    while (!spy.called) await turn()
    return { store, outcome }
  }

  it('may take no longer than timeout', async () => {
    const { store, outcome } = await undecided(() => new Promise(() => {}))
    await expireCalls(clock, TIMEOUT)
    expect(await outcome).to.include({ code: 'ETIMEDOUT', command: 'SET' })
    expect(await stored(store, SID)).to.deep.equal({ a: 2 })
  })

  it('lets what was asked for meanwhile go on when its time is over', async () => {
    const { store, outcome } = await undecided(() => new Promise(() => {}))
    await clock.tickAsync(TIMEOUT / 2)
    const saves = [
      store.set(SID, data({ first: 1 })),
      store.update(SID, (session) => void Object.assign(session, { second: 2 })),
      store.get(SID),
    ]
    await expireCalls(clock, TIMEOUT / 2)
    expect(await outcome).to.include({ code: 'ETIMEDOUT' })
    const [, , seen] = await Promise.all(saves)
    expect(attributesOf(seen as object)).to.deep.equal({ first: 1, second: 2 })
  })

  it('is not heeded when it decides too late', async () => {
    let decide = (_session: SessionData) => {}
    const decision = new Promise<SessionData>((resolve) => {
      decide = resolve
    })
    const { store, outcome } = await undecided(() => decision)
    await expireCalls(clock, TIMEOUT)
    await outcome
    decide(data({ late: true }))
    for (let left = 10; left > 0; left--) await turn()
    expect(await stored(store, SID)).to.deep.equal({ a: 2 })
  })

  it('may ask for an update of the same session, which waits for it to end', async () => {
    let updated: Promise<SessionData | null> | undefined
    const options = {
      timeout: TIMEOUT,
      onConflict: async (_base: SessionData, _theirs: SessionData, ours: SessionData) => {
        await clock.tickAsync(TIMEOUT / 2)
        updated = store.update(SID, add)
        await updated
        return ours
      },
    }
    const { store, theirs, ours } = await twoSessions({ a: 1 }, options)
    await save(Object.assign(theirs, { a: 2 }))
    const outcome = rejection(save(Object.assign(ours, { b: 3 })))
    while (updated === undefined) await turn()
    await expireCalls(clock, TIMEOUT / 2)
    expect(await outcome).to.include({ code: 'ETIMEDOUT' })
    expect(attributesOf((await updated) as SessionData)).to.deep.equal({ a: 2, count: 1 })
    expect(await stored(store, SID)).to.deep.equal({ a: 2, count: 1 })
  })

  it('counts against the time of who asked, not of those who wait with them', async () => {
    const gate = new Gate()
    let isAsked = false
    const onConflict = (_base: SessionData, theirs: SessionData, ours: SessionData) => {
      if (!('slow' in ours)) return { ...theirs, ...ours }
      isAsked = true
      return new Promise<never>(() => {})
    }
    const store = makeStore({ client: gate.wrap(client), onConflict, timeout: TIMEOUT })
    await store.set(SID, data({ a: 1 }))
    const [first, slow, quick] = (await Promise.all([1, 2, 3].map(() => store.get(SID)))) as [
      ...[Data, Data, Data],
    ]
    gate.close()
    const saves = [
      store.set(SID, Object.assign(first, { first: 1 })),
      store.set(SID, Object.assign(slow, { slow: 1 })),
    ]
    await clock.tickAsync(TIMEOUT / 2)
    saves.push(store.set(SID, Object.assign(quick, { quick: 1 })))
    const outcomes = Promise.allSettled(saves)
    await gate.open()
    while (!isAsked) await turn()
    await expireCalls(clock, TIMEOUT / 2)
    expect((await outcomes).map(({ status }) => status)).to.deep.equal([
      ...['fulfilled', 'rejected', 'fulfilled'],
    ])
    expect(await stored(store, SID)).to.deep.equal({ a: 1, first: 1, quick: 1 })
  })
})
