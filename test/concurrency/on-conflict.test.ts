import { setImmediate as turn } from 'node:timers/promises'
import { expect } from 'chai'
import type { SessionData } from 'express-session'
import sinon from 'sinon'
import { SessionConflictError } from '../../lib/index.ts'
import { rejection } from '../support/calls.ts'
import { recording } from '../support/gate.ts'
import { withoutNative } from '../support/native.ts'
import {
  ask,
  attributesOf,
  type Data,
  data,
  expireAt,
  ONE_HOUR_MS,
  open,
  save,
  stored,
} from '../support/requests.ts'
import { heard, SID, useStores } from '../support/two-sessions.ts'

describe("onConflict: 'overwrite'", () => {
  const { client, key, twoSessions } = useStores()

  it('writes the whole of the later session', async () => {
    const { store, theirs, ours } = await twoSessions({ a: 1 }, { onConflict: 'overwrite' })
    await save(Object.assign(theirs, { a: 2, b: 2 }))
    await save(Object.assign(ours, { c: 3 }))
    expect(await stored(store, SID)).to.deep.equal({ a: 1, c: 3 })
  })

  it('costs two commands where another has changed the session', async () => {
    const counted = recording(client)
    const { theirs, ours } = await twoSessions(
      { a: 1 },
      { onConflict: 'overwrite', client: withoutNative(counted) },
    )
    await save(Object.assign(theirs, { a: 2 }))
    counted.trips.length = 0
    await save(Object.assign(ours, { a: 3 }))
    expect(counted.trips).to.deep.equal([['EVALSHA'], ['EVALSHA']])
  })

  it('never brings back what is gone, and tells of it', async () => {
    const { store, ours } = await twoSessions({ a: 1 }, { onConflict: 'overwrite' })
    const gone = heard(store, 'gone')
    await store.destroy(SID)
    await save(Object.assign(ours, { a: 2 }))
    expect(await stored(store, SID)).to.equal(null)
    expect(gone).to.deep.equal([{ sid: SID }])
  })

  it('sets the life anew', async () => {
    const { ours } = await twoSessions({ a: 1 }, { onConflict: 'overwrite' })
    expireAt(ours, Date.now() + 3 * ONE_HOUR_MS)
    await save(Object.assign(ours, { a: 2 }))
    expect(Number(await ask(client, 'PTTL', key()))).to.be.above(2 * ONE_HOUR_MS)
  })
})

describe("onConflict: 'reject'", () => {
  const { makeStore, twoSessions } = useStores()

  it('writes where there is no conflict, again and again', async () => {
    const { store, ours } = await twoSessions({ a: 1 }, { onConflict: 'reject' })
    await save(Object.assign(ours, { a: 2 }))
    await save(Object.assign(ours, { a: 3 }))
    expect(await stored(store, SID)).to.deep.equal({ a: 3 })
  })

  it('rejects again until the session is loaded anew', async () => {
    const { store, theirs, ours } = await twoSessions({ a: 1 }, { onConflict: 'reject' })
    await save(Object.assign(theirs, { a: 2 }))
    Object.assign(ours, { a: 3 })
    for (const _ of [1, 2]) {
      expect(await rejection(save(ours))).to.be.an.instanceof(SessionConflictError)
    }
    await save(Object.assign(await open(store, SID), { a: 4 }))
    expect(await stored(store, SID)).to.deep.equal({ a: 4 })
  })

  it('lets one of many at once through, and rejects the others', async () => {
    const store = makeStore({ onConflict: 'reject' })
    await store.set(SID, data({ a: 1 }))
    const sessions = await Promise.all(Array.from({ length: 16 }, () => open(store, SID)))
    const saves = sessions.map((session, i) => save(Object.assign(session, { [`n${i}`]: i })))
    const outcomes = await Promise.allSettled(saves)
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).to.have.length(1)
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') {
        expect(outcome.reason).to.be.an.instanceof(SessionConflictError)
      }
    }
    expect(Object.keys((await stored(store, SID)) as object)).to.have.length(2)
  })

  it('is no error where the session is gone', async () => {
    const { store, theirs, ours } = await twoSessions({ a: 1 }, { onConflict: 'reject' })
    const gone = heard(store, 'gone')
    await store.destroy(SID)
    await Promise.all([save(Object.assign(theirs, { a: 2 })), save(Object.assign(ours, { a: 3 }))])
    expect(gone).to.deep.equal([{ sid: SID }, { sid: SID }])
  })

  it('does not show the sid or the session in the message', async () => {
    const { theirs, ours } = await twoSessions({ a: 'secret' }, { onConflict: 'reject' })
    await save(Object.assign(theirs, { a: 2 }))
    const error = await rejection(save(Object.assign(ours, { b: 3 })))
    expect(error.message).to.not.include(SID).and.not.include('secret')
  })
})

describe('onConflict: a function', () => {
  const { client, key, makeStore, twoSessions } = useStores()

  it('may spoil what it is given, and the next save of the same turn is given it whole', async () => {
    const bases: unknown[] = []
    const { store, theirs, ours } = await twoSessions(
      { a: 1 },
      {
        onConflict: (base, theirs, ours) => {
          bases.push(attributesOf(base))
          const merged = { ...theirs, ...ours }
          Object.assign(base, { a: 'spoilt' })
          return merged
        },
      },
    )
    const others = [await open(store, SID), await open(store, SID)]
    await save(Object.assign(theirs, { a: 2 }))
    // The first is in flight, and the others are written together.
    await Promise.all([ours, ...others].map((one, i) => save(Object.assign(one, { [`n${i}`]: i }))))
    expect(bases).to.have.length.above(2)
    for (const base of bases) expect(base).to.deep.equal({ a: 1 })
  })

  for (const [kind, settle] of [
    ['synchronous', (value: SessionData) => value],
    ['asynchronous', (value: SessionData) => turn(value)],
  ] as const) {
    it(`decides by what was loaded, what is there and what is to be written (${kind})`, async () => {
      const onConflict = sinon.spy((_base: SessionData, theirs: SessionData, ours: SessionData) =>
        settle({ ...theirs, decided: true, cookie: ours.cookie } as Data),
      )
      const { store, theirs, ours } = await twoSessions({ a: 1, at: new Date(0) }, { onConflict })
      await save(Object.assign(theirs, { a: 2 }))
      expect(onConflict.called).to.equal(false)
      await save(Object.assign(ours, { a: 3, when: new Date(1) }))
      expect(onConflict.callCount).to.equal(1)
      const at = new Date(0).toISOString()
      const when = new Date(1).toISOString()
      expect(onConflict.firstCall.args.map(attributesOf)).to.deep.equal([
        { a: 1, at },
        { a: 2, at },
        { a: 3, at, when },
      ])
      expect(await stored(store, SID)).to.deep.equal({ a: 2, at, decided: true })
    })
  }

  it('is asked again if the session changes once more meanwhile', async () => {
    const other = makeStore()
    let interfere = true
    const onConflict = async (_base: SessionData, theirs: SessionData, ours: SessionData) => {
      if (interfere) await other.set(SID, data({ a: 'again' }))
      interfere = false
      return { ...ours, seen: (theirs as Data).a } as SessionData
    }
    const { store, theirs, ours } = await twoSessions({ a: 1 }, { onConflict })
    await save(Object.assign(theirs, { a: 2 }))
    await save(Object.assign(ours, { b: 3 }))
    expect(await stored(store, SID)).to.deep.equal({ a: 1, b: 3, seen: 'again' })
  })

  it('is not asked about a session that is gone', async () => {
    const onConflict = sinon.stub().throws()
    const { store, ours } = await twoSessions({ a: 1 }, { onConflict })
    await store.destroy(SID)
    await save(Object.assign(ours, { a: 2 }))
    expect(onConflict.called).to.equal(false)
    expect(await stored(store, SID)).to.equal(null)
  })

  const failures: [string, () => never | Promise<never>][] = [
    [
      'throws',
      () => {
        throw new Error('mine')
      },
    ],
    ['rejects with', () => Promise.reject(new Error('mine'))],
  ]
  for (const [how, onConflict] of failures) {
    it(`gives the callback what it ${how}, and writes nothing`, async () => {
      const { store, theirs, ours } = await twoSessions({ a: 1 }, { onConflict })
      await save(Object.assign(theirs, { a: 2 }))
      const callback = sinon.spy()
      expireAt(ours, Date.now() + 9 * ONE_HOUR_MS)
      store.set(SID, Object.assign(ours, { b: 3 }), callback)
      while (!callback.called) await turn()
      await turn()
      expect(callback.callCount).to.equal(1)
      expect(callback.firstCall.args[0].message).to.equal('mine')
      expect(await stored(store, SID)).to.deep.equal({ a: 2 })
      expect(Number(await ask(client, 'PTTL', key()))).to.be.below(2 * ONE_HOUR_MS)
    })
  }

  it('fails for one of several that wait, and for no other', async () => {
    const onConflict = (_base: SessionData, theirs: SessionData, ours: SessionData) => {
      if ('bad' in ours) {
        Object.assign(theirs, { bad: 'half done' })
        throw new Error('mine')
      }
      return { ...theirs, ...attributesOf(ours), cookie: ours.cookie }
    }
    const store = makeStore({ onConflict })
    await store.set(SID, data())
    const sessions = await Promise.all([1, 2, 3, 4].map(() => open(store, SID)))
    const changes = [{ a: 1 }, { b: 2 }, { bad: 3 }, { d: 4 }]
    const outcomes = await Promise.allSettled(
      sessions.map((session, i) => save(Object.assign(session, changes[i]))),
    )
    expect(outcomes.map(({ status }) => status)).to.deep.equal([
      ...['fulfilled', 'fulfilled', 'rejected', 'fulfilled'],
    ])
    expect(await stored(store, SID)).to.deep.equal({ a: 1, b: 2, d: 4 })
  })

  for (const bad of [undefined, null, 'text', 5, true]) {
    it(`may not give ${JSON.stringify(bad)}`, async () => {
      const onConflict = () => bad as unknown as SessionData
      const { store, theirs, ours } = await twoSessions({ a: 1 }, { onConflict })
      await save(Object.assign(theirs, { a: 2 }))
      const error = await rejection(save(Object.assign(ours, { b: 3 })))
      expect(error).to.be.an.instanceof(TypeError)
      expect(error.message).to.match(/onConflict/)
      expect(await stored(store, SID)).to.deep.equal({ a: 2 })
    })
  }

  it('may not give a session without a cookie, which would be none', async () => {
    const onConflict = () => ({ a: 5 }) as unknown as SessionData
    const { store, theirs, ours } = await twoSessions({ a: 1 }, { onConflict })
    await save(Object.assign(theirs, { a: 2 }))
    await rejection(save(Object.assign(ours, { b: 3 })))
    expect(await stored(store, SID)).to.deep.equal({ a: 2 })
  })
})
