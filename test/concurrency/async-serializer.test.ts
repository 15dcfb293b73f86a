import { setImmediate as turn } from 'node:timers/promises'
import { expect } from 'chai'
import type { SessionData } from 'express-session'
import type { SolidisStore } from '../../lib/index.ts'
import { attributesOf, open, save, stored } from '../support/requests.ts'
import { slowSerializer } from '../support/serializers.ts'
import { SID, useStores } from '../support/two-sessions.ts'

describe('an asynchronous serializer', () => {
  const { twoStores, twoSessions } = useStores()

  const attributesIn = async (store: SolidisStore) =>
    attributesOf((await store.get(SID)) as SessionData)

  it('merges', async () => {
    const [one, other] = await twoStores({ a: 1, b: 1 }, { serializer: slowSerializer(() => 3) })
    const [theirs, ours] = [await open(one, SID), await open(other, SID)]
    await Promise.all([
      save(Object.assign(theirs, { a: 2, at: new Date(0) })),
      save(Object.assign(ours, { b: { deep: 3 } })),
    ])
    const at = new Date(0).toISOString()
    expect(await attributesIn(one)).to.deep.equal({ a: 2, b: { deep: 3 }, at })
  })

  it('holds for 64 writers at once', async () => {
    let calls = 0
    const [one, other] = await twoStores(
      { base: 1 },
      { serializer: slowSerializer(() => calls++ % 3) },
    )
    const sessions = await Promise.all(
      Array.from({ length: 64 }, (_, i) => open(i % 2 ? one : other, SID)),
    )
    await Promise.all(sessions.map((session, i) => save(Object.assign(session, { [`n${i}`]: i }))))
    expect(Object.keys(await attributesIn(one))).to.have.length(65)
  })

  it('undoes, in a later save, what an earlier one changed at the same time', async () => {
    const { store, ours } = await twoSessions({ a: 1 }, { serializer: slowSerializer(() => 3) })
    const first = save(Object.assign(ours, { a: 2 }))
    await Promise.all([first, save(Object.assign(ours, { a: 1 }))])
    expect(await attributesIn(store)).to.deep.equal({ a: 1 })
  })

  it('undoes a save that ended while the later one was being serialized', async () => {
    let release = (): void => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    let hold = false
    const serializer = {
      parse: (text: string) => JSON.parse(text) as SessionData,
      async stringify(session: SessionData) {
        const text = JSON.stringify(session)
        if (hold) await held
        return text
      },
    }
    const { store, ours } = await twoSessions({ a: 1 }, { serializer })
    const first = save(Object.assign(ours, { a: 2 }))
    await turn()
    hold = true
    const second = save(Object.assign(ours, { a: 1 }))
    await first
    release()
    await second
    expect(await stored(store, SID)).to.deep.equal({ a: 1 })
  })

  it('is asked for the result of onConflict, too', async () => {
    const serializer = slowSerializer(() => 1)
    const onConflict = (_base: SessionData, theirs: SessionData, ours: SessionData) => ({
      ...theirs,
      ...ours,
      both: true,
    })
    const { store, theirs, ours } = await twoSessions({ a: 1 }, { serializer, onConflict })
    await save(Object.assign(theirs, { b: 2 }))
    await save(Object.assign(ours, { c: 3 }))
    expect(await attributesIn(store)).to.deep.equal({ a: 1, b: 2, c: 3, both: true })
  })
})
