import { expect } from 'chai'
import type { SessionData } from 'express-session'
import { SessionConflictError } from '../../lib/index.ts'
import { rejection } from '../support/calls.ts'
import { clientKinds } from '../support/clients.ts'
import { ask, type Data, data, destroy, open, save, stored, touch } from '../support/requests.ts'
import { heard, SID, useStores } from '../support/two-sessions.ts'

for (const kind of clientKinds) {
  describe(`concurrent requests over ${kind.name}`, () => {
    if (kind.missing !== undefined) {
      it(`cannot be tested: ${kind.missing}`)
      return
    }
    const { client, makeStore, twoStores, twoSessions } = useStores(kind)

    it('keeps what both changed', async () => {
      const [one, other] = await twoStores({ a: 1, b: 1, gone: 1 })
      const [theirs, ours] = [await open(one, SID), await open(other, SID)]
      Object.assign(theirs, { a: 2, added: 'théirs ✓' })
      delete theirs.gone
      Object.assign(ours, { b: 3, ours: { deep: [1, { two: 2 }] } })
      await save(theirs)
      await save(ours)
      expect(await stored(one, SID)).to.deep.equal({
        ...{ a: 2, b: 3, added: 'théirs ✓', ours: { deep: [1, { two: 2 }] } },
      })
    })

    it('gives an attribute that both changed the value of the later writer', async () => {
      const { store, theirs, ours } = await twoSessions({ a: 1 })
      theirs.a = 'theirs'
      ours.a = 'ours'
      await save(theirs)
      await save(ours)
      expect(await stored(store, SID)).to.deep.equal({ a: 'ours' })
    })

    it('leaves a session gone that was destroyed meanwhile, and tells of it', async () => {
      const [one, other] = await twoStores({ a: 1 })
      const gone = heard(other, 'gone')
      const [theirs, ours] = [await open(one, SID), await open(other, SID)]
      await destroy(theirs)
      ours.a = 2
      await save(ours)
      expect(await stored(one, SID)).to.equal(null)
      expect(gone).to.deep.equal([{ sid: SID }])
      await touch(ours)
      expect(await stored(one, SID)).to.equal(null)
      expect(gone).to.deep.equal([{ sid: SID }, { sid: SID }])
    })

    it('writes on after the server has forgotten the script', async () => {
      const { store, ours } = await twoSessions({ a: 1 })
      ours.a = 2
      await save(ours)
      await ask(client, 'SCRIPT', 'FLUSH')
      ours.b = 3
      await save(ours)
      expect(await stored(store, SID)).to.deep.equal({ a: 2, b: 3 })
    })

    it('rejects with the sid, and writes nothing', async () => {
      const { store, theirs, ours } = await twoSessions({ a: 1 }, { onConflict: 'reject' })
      theirs.a = 2
      await save(theirs)
      ours.b = 3
      const error = await rejection(save(ours))
      expect(error).to.be.an.instanceof(SessionConflictError)
      expect(error.sid).to.equal(SID)
      expect(await stored(store, SID)).to.deep.equal({ a: 2 })
    })

    it('keeps the changes of 64 writers at once, in one process', async () => {
      const store = makeStore()
      await store.set(SID, data({ base: 1 }))
      const sessions = await Promise.all(Array.from({ length: 64 }, () => open(store, SID)))
      await Promise.all(
        sessions.map((session, i) => save(Object.assign(session, { [`n${i}`]: i }))),
      )
      expect(Object.keys((await stored(store, SID)) as object)).to.have.length(65)
    })

    it('counts every update', async () => {
      const [one, other] = await twoStores({ count: 0 })
      const add = (session: SessionData) => void (session as Data & { count: number }).count++
      await Promise.all([1, 2, 3, 4].flatMap(() => [one.update(SID, add), other.update(SID, add)]))
      expect(await stored(one, SID)).to.deep.equal({ count: 8 })
    })

    it('keeps every byte of what it compares', async () => {
      const { store, ours } = await twoSessions({ a: '\u0000 ☃ 😀 "\\ \ud800' })
      ours.b = 1
      await save(ours)
      expect(await stored(store, SID)).to.deep.equal({ a: '\u0000 ☃ 😀 "\\ \ud800', b: 1 })
    })
  })
}
