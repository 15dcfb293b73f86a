import { setImmediate as turn } from 'node:timers/promises'
import { expect } from 'chai'
import { RedisError, type SolidisLike } from '../../lib/index.ts'
import { Gate } from '../support/gate.ts'
import { ask, data, open, save, stored } from '../support/requests.ts'
import { heard, SID, useStores } from '../support/two-sessions.ts'

describe('writes of one session in one process', () => {
  const { client, key, makeStore } = useStores()

  it('are one in flight, and one for all that wait', async () => {
    const gate = new Gate()
    const store = makeStore({ client: gate.wrap(client) })
    await store.set(SID, data({ base: 1 }))
    await save(Object.assign(await open(store, SID), { base: 2 }))
    const sessions = await Promise.all(Array.from({ length: 20 }, () => open(store, SID)))
    gate.close()
    const saves = sessions.map((session, i) => save(Object.assign(session, { [`n${i}`]: i })))
    for (const _ of [1, 2]) {
      await gate.holds(1)
      await turn()
      expect(gate.held).to.have.length(1)
      await gate.pass()
    }
    await Promise.all(saves)
    await gate.open()
    expect(Object.keys((await stored(store, SID)) as object)).to.have.length(21)
  })

  it('do not wait for those of another session', async () => {
    const gate = new Gate()
    const store = makeStore({ client: gate.wrap(client) })
    await Promise.all([store.set('1', data()), store.set('2', data())])
    const [one, two] = [await open(store, '1'), await open(store, '2')]
    gate.close()
    const slow = save(Object.assign(one, { a: 1 }))
    await gate.holds(1)
    const quick = save(Object.assign(two, { b: 2 }))
    await gate.holds(2)
    await gate.pass(1)
    while (gate.held.length > 1) await gate.pass(1)
    await turn()
    await Promise.all([gate.open(), slow, quick])
    expect(await stored(store, '2')).to.deep.equal({ b: 2 })
  })

  it('are all told if the session went while they waited', async () => {
    const gate = new Gate()
    const store = makeStore({ client: gate.wrap(client) })
    await store.set(SID, data({ base: 1 }))
    const gone = heard(store, 'gone')
    const sessions = await Promise.all([1, 2, 3].map(() => open(store, SID)))
    gate.close()
    const saves = sessions.map((session, i) => save(Object.assign(session, { [`n${i}`]: i })))
    await gate.holds(1)
    await ask(client, 'DEL', key())
    await gate.open()
    await Promise.all(saves)
    expect(gone).to.have.length(3)
    expect(await ask(client, 'EXISTS', key())).to.equal(0)
  })

  it('each fail on their own if Redis fails, and the next one does not', async () => {
    const gate = new Gate()
    let broken = false
    let failures = 0
    const flaky: SolidisLike = {
      async send(commands) {
        if (!broken) return client.send(commands)
        failures++
        throw new Error('down')
      },
    }
    const store = makeStore({ client: gate.wrap(flaky) })
    await store.set(SID, data({ base: 1 }))
    const sessions = await Promise.all([1, 2, 3].map(() => open(store, SID)))
    gate.close()
    const saves = sessions.map((session, i) => save(Object.assign(session, { [`n${i}`]: i })))
    await gate.holds(1)
    broken = true
    const outcomes = Promise.allSettled(saves)
    await gate.open()
    for (const outcome of await outcomes) {
      expect(outcome).to.have.property('reason').that.is.an.instanceof(RedisError)
    }
    expect(failures, 'one for the first, one for those that waited').to.equal(2)
    broken = false
    await Promise.all(sessions.map(save))
    expect(await stored(store, SID)).to.deep.equal({ base: 1, n0: 0, n1: 1, n2: 2 })
  })
})
