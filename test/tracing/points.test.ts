import { expect } from 'chai'
import { listen } from '../support/channels.ts'
import { eventually } from '../support/eventually.ts'
import { ask, data, save } from '../support/requests.ts'
import { failingClient } from '../support/stub.ts'
import { SID, useStores } from '../support/two-sessions.ts'

describe('the other channels of a store', () => {
  const { client, key, makeStore, twoSessions } = useStores()
  let heard: ReturnType<typeof listen>

  beforeEach(() => {
    heard = listen()
  })
  afterEach(() => heard.stop())

  it('tell of a conflict', async () => {
    const { ours, theirs } = await twoSessions({})
    await save(Object.assign(theirs, { theirs: 1 }))
    expect(heard.messages('conflict')).to.deep.equal([])
    await save(Object.assign(ours, { ours: 1 }))
    expect(heard.messages('conflict')).to.deep.equal([{}])
  })

  it('tell of what is gone', async () => {
    const { store, ours } = await twoSessions({})
    await store.destroy(SID)
    await save(Object.assign(ours, { n: 1 }))
    await store.touch(SID, ours)
    expect(heard.messages('gone')).to.deep.equal([{}, {}])
  })

  it('tell of bad data by its code, a walk too', async () => {
    const store = makeStore()
    await ask(client, 'SET', key(), 'no JSON')
    await store.get(SID)
    await store.all()
    await ask(client, 'UNLINK', key())
    await ask(client, 'RPUSH', key(), 'a list')
    await store.get(SID)
    expect(heard.messages('invalid')).to.deep.equal(
      ['EINVALIDSESSION', 'EINVALIDSESSION', 'WRONGTYPE'].map((code) => ({ code })),
    )
  })

  it('tell of the evicted', async () => {
    const store = makeStore({ indexBy: () => 'ann', maxSessions: 1 })
    await store.set(SID, data())
    await store.set('another', data())
    expect(heard.messages('evicted')).to.deep.equal([{}])
  })

  it('tell of the breaker', async () => {
    // Breakers of other tests may still be at work.
    const lost = Object.assign(new Error('lost'), { code: 'EOFTHISTEST' })
    const store = makeStore({ client: failingClient(lost), breaker: true })
    const open = async () => {
      await store.get(SID).catch(() => {})
      return store.state === 'open'
    }
    await eventually(open)
    const message = { state: 'open', code: 'EOFTHISTEST' }
    expect(heard.messages('breaker')).to.deep.include(message)
  })

  it('tell of these also where a listener of the event throws', async () => {
    const { store, ours } = await twoSessions({})
    await store.destroy(SID)
    const thrown = new Promise((resolve) => {
      const listeners = process.listeners('uncaughtException')
      process.removeAllListeners('uncaughtException')
      process.once('uncaughtException', (error) => {
        for (const listener of listeners) process.on('uncaughtException', listener)
        resolve(error)
      })
    })
    store.on('gone', () => {
      throw new Error('of the listener')
    })
    await save(Object.assign(ours, { n: 1 }))
    await thrown
    expect(heard.messages('gone')).to.deep.equal([{}])
  })
})
