import { setImmediate as turn } from 'node:timers/promises'
import { expect } from 'chai'
import type { SessionData } from 'express-session'
import { Gate, recording } from '../support/gate.ts'
import { withoutNative } from '../support/native.ts'
import { ask, expireAt, ONE_HOUR_MS, save, stored } from '../support/requests.ts'
import { heard, SID, useStores } from '../support/two-sessions.ts'

describe('a set that changes nothing but the life', () => {
  const { client, key, twoSessions } = useStores()

  const inTwoHours = () => Date.now() + 2 * ONE_HOUR_MS

  for (const onConflict of ['merge', 'overwrite', 'reject'] as const) {
    it(`${onConflict}: extends the life, and overwrites nothing`, async () => {
      const counted = recording(client)
      const options = { onConflict, client: withoutNative(counted) }
      const { store, theirs, ours } = await twoSessions({ a: 1 }, options)
      await save(Object.assign(theirs, { a: 2 }))
      counted.trips.length = 0
      expireAt(ours, inTwoHours())
      await save(ours)
      expect(counted.trips).to.deep.equal([['EVALSHA'], ['EVALSHA']])
      expect(await stored(store, SID)).to.deep.equal({ a: 2 })
      expect(Number(await ask(client, 'PTTL', key()))).to.be.above(1.5 * ONE_HOUR_MS)
    })

    it(`${onConflict}: does so while another request writes`, async () => {
      const gate = new Gate()
      const options = { onConflict, client: gate.wrap(client) }
      const { store, theirs, ours } = await twoSessions({ a: 1 }, options)
      gate.close()
      const writing = save(Object.assign(theirs, { a: 2 }))
      await gate.holds(1)
      expireAt(ours, inTwoHours())
      const extending = save(ours)
      await turn()
      await gate.open()
      await Promise.all([writing, extending])
      expect(await stored(store, SID)).to.deep.equal({ a: 2 })
      expect(Number(await ask(client, 'PTTL', key()))).to.be.above(1.5 * ONE_HOUR_MS)
    })

    it(`${onConflict}: overwrites nothing where keys never expire`, async () => {
      const { store, theirs, ours } = await twoSessions({ a: 1 }, { onConflict, disableTTL: true })
      await save(Object.assign(theirs, { a: 2 }))
      expireAt(ours, inTwoHours())
      await save(ours)
      expect(await stored(store, SID)).to.deep.equal({ a: 2 })
    })
  }

  it('tells of it if the session is gone', async () => {
    const { store, ours } = await twoSessions({ a: 1 })
    const gone = heard(store, 'gone')
    await store.destroy(SID)
    await save(ours)
    expect(gone).to.deep.equal([{ sid: SID }])
    expect(await stored(store, SID)).to.equal(null)
  })

  it('is no such thing if the cookie changed otherwise', async () => {
    const { store, ours } = await twoSessions({ a: 1 })
    ours.cookie.httpOnly = false
    await save(ours)
    expect(((await store.get(SID)) as SessionData).cookie.httpOnly).to.equal(false)
  })
})
