import { setImmediate as turn } from 'node:timers/promises'
import { expect } from 'chai'
import type { SessionData } from 'express-session'
import sinon from 'sinon'
import type { Command, SolidisLike, SolidisStore } from '../../lib/index.ts'
import { rejection } from '../support/calls.ts'
import { Gate } from '../support/gate.ts'
import { attributesOf, type Data, open, save, stored } from '../support/requests.ts'
import { isRead } from '../support/scripts.ts'
import { add, SID, useStores } from '../support/two-sessions.ts'

function times<T>(count: number, make: (i: number) => T): T[] {
  return Array.from({ length: count }, (_, i) => make(i))
}

describe('update', () => {
  const { client, life, makeStore, twoStores } = useStores()
  let store: SolidisStore
  let other: SolidisStore

  beforeEach(async () => {
    ;[store, other] = await twoStores({ count: 0 })
  })

  it('64 times at once, counts 64', async () => {
    const counts = await Promise.all(times(64, () => store.update(SID, add)))
    expect(await stored(store, SID)).to.deep.equal({ count: 64 })
    const seen = counts.map((session) => (session as Data & { count: number }).count)
    expect(seen.sort((a, b) => a - b)).to.deep.equal(times(64, (i) => i + 1))
  })

  it('64 times at once, by two processes, counts 64', async () => {
    await Promise.all(times(64, (i) => (i % 2 ? store : other).update(SID, add)))
    expect(await stored(store, SID)).to.deep.equal({ count: 64 })
  })

  it('counts beside requests that save the session', async () => {
    const sessions = await Promise.all(times(16, () => open(other, SID)))
    await Promise.all([
      ...times(16, () => store.update(SID, add)),
      ...sessions.map((session, i) => save(Object.assign(session, { [`n${i}`]: i }))),
    ])
    const { count, ...others } = (await stored(store, SID)) as Record<string, unknown>
    expect(count).to.equal(16)
    expect(Object.keys(others)).to.have.length(16)
  })

  it('calls change again on the fresh data if there was a conflict', async () => {
    const seen: unknown[] = []
    const updated = await store.update(SID, async (session) => {
      seen.push(attributesOf(session))
      if (seen.length === 1)
        await other.update(SID, (theirs) => void Object.assign(theirs, { b: 1 }))
      Object.assign(session, { a: seen.length })
    })
    expect(seen).to.deep.equal([{ count: 0 }, { count: 0, b: 1 }])
    expect(attributesOf(updated as SessionData)).to.deep.equal({ count: 0, b: 1, a: 2 })
    expect(await stored(store, SID)).to.deep.equal({ count: 0, b: 1, a: 2 })
  })

  for (const onConflict of ['overwrite', 'reject', () => expect.fail('not asked')] as const) {
    it(`does so whatever onConflict is (${typeof onConflict === 'string' ? onConflict : 'function'})`, async () => {
      const own = makeStore({ onConflict })
      await Promise.all([own.update(SID, add), own.update(SID, add), store.update(SID, add)])
      expect(await stored(store, SID)).to.deep.equal({ count: 3 })
    })
  }

  it('takes what change returns in place of the session', async () => {
    const replaced = await store.update(SID, ({ cookie }) => ({ cookie, fresh: true }) as Data)
    expect(attributesOf(replaced as SessionData)).to.deep.equal({ fresh: true })
    expect(await stored(store, SID)).to.deep.equal({ fresh: true })
  })

  it('compares what change returns, too', async () => {
    let calls = 0
    await store.update(SID, async (session) => {
      if (calls++ === 0) await other.update(SID, add)
      return { ...session, calls } as Data
    })
    expect(await stored(store, SID)).to.deep.equal({ count: 1, calls: 2 })
  })

  it('gives null, and does not call change, if there is no session', async () => {
    const change = sinon.spy()
    expect(await store.update('none', change)).to.equal(null)
    expect(change.called).to.equal(false)
    expect(await store.exists('none')).to.equal(false)
  })

  it('gives null, and writes nothing, if the session goes meanwhile', async () => {
    const updated = await store.update(SID, async (session) => {
      await other.destroy(SID)
      add(session)
    })
    expect(updated).to.equal(null)
    expect(await store.exists(SID)).to.equal(false)
  })

  for (const [how, change] of [
    [
      'throws',
      () => {
        throw new Error('mine')
      },
    ],
    ['rejects with', () => Promise.reject(new Error('mine'))],
  ] as [string, () => Promise<undefined>][]) {
    it(`fails with what change ${how}, and writes nothing`, async () => {
      const callback = sinon.spy()
      await new Promise<void>((resolve) => {
        store.update(SID, change, (...args) => {
          callback(...args)
          resolve()
        })
      })
      expect(callback.args[0]?.[0]).to.have.property('message', 'mine')
      expect(await stored(store, SID)).to.deep.equal({ count: 0 })
    })
  }

  it('leaves nothing of a change that fails to those that are written with it', async () => {
    const gate = new Gate()
    const own = makeStore({ client: gate.wrap(client) })
    const sessions = await Promise.all([1, 2, 3].map(() => open(own, SID)))
    let asked = 0
    let goOn = () => {}
    const updated = own.update(SID, async (session) => {
      Object.assign(session, { bad: 'half done' })
      if (asked++ > 0) throw new Error('mine')
      await new Promise<void>((resolve) => {
        goOn = resolve
      })
    })
    while (asked === 0) await turn()
    gate.close()
    const saves = sessions.map((session, i) => save(Object.assign(session, { [`n${i}`]: i })))
    await gate.holds(1)
    // It waits with the others for the first, against which it loses.
    goOn()
    await turn()
    await gate.open()
    const outcomes = await Promise.allSettled([updated, ...saves])
    expect(outcomes.map(({ status }) => status)).to.deep.equal([
      ...['rejected', 'fulfilled', 'fulfilled', 'fulfilled'],
    ])
    expect(await stored(store, SID)).to.deep.equal({ count: 0, n0: 0, n1: 1, n2: 2 })
  })

  const noSessions: [string, unknown][] = [
    ['an array', ['book']],
    ['an object without a cookie', { user: 'eve' }],
    ['an object with text for a cookie', { cookie: 'text' }],
    ['an object with null for a cookie', { cookie: null }],
    ['a number', 1],
    ['true', true],
    ['a string', 'text'],
    ['a function', () => {}],
  ]
  for (const [what, returned] of noSessions) {
    for (const isAsync of [false, true]) {
      it(`refuses ${what} in place of the session (${isAsync ? 'async' : 'sync'})`, async () => {
        const change = (session: SessionData) => {
          Object.assign(session, { cart: returned })
          return (isAsync ? Promise.resolve(returned) : returned) as SessionData
        }
        const error = await rejection(store.update(SID, change))
        expect(error).to.be.an.instanceof(TypeError)
        expect(error.message).to.match(/^change\(session\): expected a session with a cookie/)
        expect(error.message).not.to.match(/book|text/)
        expect(await stored(store, SID)).to.deep.equal({ count: 0 })
      })
    }
  }

  it('refuses one after a conflict, too', async () => {
    let isFirst = true
    const error = await rejection(
      store.update(SID, async (session) => {
        if (!isFirst) return [] as unknown as SessionData
        isFirst = false
        await other.update(SID, add)
        return Object.assign(session, { a: 1 })
      }),
    )
    expect(error).to.be.an.instanceof(TypeError)
    expect(await stored(store, SID)).to.deep.equal({ count: 1 })
  })

  it('refuses a change that deletes the cookie', async () => {
    const change = (session: Partial<SessionData>) => {
      delete session.cookie
    }
    expect(await rejection(store.update(SID, change as never))).to.be.an.instanceof(TypeError)
    expect(await stored(store, SID)).to.deep.equal({ count: 0 })
  })

  it('has to be given a function', async () => {
    const error = await rejection(store.update(SID, { a: 1 } as never))
    expect(error).to.include({ code: 'ERR_INVALID_ARG_TYPE' })
  })

  const hot: [string, (session: SessionData) => void | Promise<void>, () => SolidisStore][] = [
    ['this process', add, () => store],
    ['this process, though it is asynchronous', async (s) => turn(add(s)), () => store],
    ['another process', add, () => other],
    ['another process, though it is asynchronous', async (s) => turn(add(s)), () => other],
  ]
  for (const [where, change, busy] of hot) {
    it(`is not starved by 64 writers in ${where}`, async () => {
      let isOver = false
      const writers = times(64, async (w) => {
        for (let i = 1; !isOver; i++) {
          await save(Object.assign(await open(busy(), SID), { [`w${w}`]: i }))
        }
      })
      for (let i = 0; i < 10; i++) await store.update(SID, change)
      isOver = true
      await Promise.all(writers)
      expect(await stored(store, SID)).to.include({ count: 10 })
    })
  }

  it('holds up no writes of others while change takes its time', async () => {
    let goOn = () => {}
    const released = new Promise<void>((resolve) => {
      goOn = resolve
    })
    const updated = store.update(SID, async (session) => {
      await released
      add(session)
    })
    await save(Object.assign(await open(store, SID), { a: 1 }))
    expect(await stored(store, SID)).to.deep.equal({ count: 0, a: 1 })
    goOn()
    await updated
    expect(await stored(store, SID)).to.deep.equal({ count: 1, a: 1 })
  })

  it('overwrites nothing if change changes nothing', async () => {
    const sent: Command[] = []
    const noting: SolidisLike = {
      send(commands) {
        sent.push(...commands)
        return client.send(commands)
      },
    }
    const session = await makeStore({ client: noting }).update(SID, async () => {
      await other.update(SID, add)
    })
    expect(session).to.not.equal(null)
    expect(sent).to.have.length.above(0)
    expect(sent.filter((command) => !isRead(command))).to.deep.equal([])
    expect(await stored(store, SID)).to.deep.equal({ count: 1 })
  })

  it('keeps the life of the session', async () => {
    const before = await life()
    await store.update(SID, add)
    const after = await life()
    expect(after).to.be.within(before - 60_000, before + 1000)
  })
})
