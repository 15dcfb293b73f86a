import { expect } from 'chai'
import type { SessionData } from 'express-session'
import { attributesOf, type Data, data, save, stored } from '../support/requests.ts'
import { SID, useStores } from '../support/two-sessions.ts'

describe('what counts as changed', () => {
  const { makeStore, twoSessions } = useStores()

  class Money {
    readonly #cents: number
    constructor(cents: number) {
      this.#cents = cents
    }
    toJSON() {
      return { cents: this.#cents }
    }
  }

  const cases: [string, stored: unknown, put: unknown][] = [
    ['a Date of the same time', '2030-01-01T00:00:00.000Z', new Date('2030-01-01')],
    ['an object with toJSON', { cents: 5 }, new Money(5)],
    ['another order of keys', { a: 1, b: { c: 2, d: 3 } }, { b: { d: 3, c: 2 }, a: 1 }],
    ['undefined inside', { a: 1 }, { a: 1, b: undefined }],
    ['undefined, NaN and a function in an array', [null, null, null], [undefined, NaN, () => {}]],
    ['an equal copy', { a: [{ b: 'c' }] }, { a: [{ b: 'c' }] }],
  ]
  for (const [name, before, put] of cases) {
    it(`is not ${name}`, async () => {
      const { store, theirs, ours } = await twoSessions({ it: before })
      await save(Object.assign(theirs, { it: 'theirs' }))
      await save(Object.assign(ours, { it: put, ours: true }))
      expect(await stored(store, SID)).to.deep.equal({ it: 'theirs', ours: true })
    })
  }

  it('is not an attribute that is undefined and was not there', async () => {
    const { store, theirs, ours } = await twoSessions({})
    await save(Object.assign(theirs, { it: 'theirs' }))
    await save(Object.assign(ours, { it: undefined, ours: true }))
    expect(await stored(store, SID)).to.deep.equal({ it: 'theirs', ours: true })
  })

  it('is an attribute that was there and is undefined', async () => {
    const { store, theirs, ours } = await twoSessions({ it: 1 })
    await save(Object.assign(theirs, { theirs: true }))
    await save(Object.assign(ours, { it: undefined }))
    expect(await stored(store, SID)).to.deep.equal({ theirs: true })
  })

  it('is a value inside an attribute, with the whole of it', async () => {
    const { store, theirs, ours } = await twoSessions({ cart: { items: [1] }, user: { name: 'A' } })
    const [cart, user] = [theirs.cart as { items: number[] }, ours.user as { name: string }]
    cart.items.push(2)
    user.name = 'B'
    await save(theirs)
    await save(ours)
    expect(await stored(store, SID)).to.deep.equal({ cart: { items: [1, 2] }, user: { name: 'B' } })
  })

  it('keeps the Dates of both as JSON has them', async () => {
    const { store, theirs, ours } = await twoSessions({ first: new Date(0) })
    await save(Object.assign(theirs, { second: new Date(1000) }))
    await save(Object.assign(ours, { third: { at: new Date(2000) } }))
    const [first, second, third] = [0, 1000, 2000].map((ms) => new Date(ms).toISOString())
    expect(await stored(store, SID)).to.deep.equal({ first, second, third: { at: third } })
  })

  it('goes by the form of the serializer, not by its text', async () => {
    let salt = 0
    const serializer = {
      stringify: (session: SessionData) => JSON.stringify({ salt: salt++, session }),
      parse: (text: string) => JSON.parse(text).session as SessionData,
    }
    const { store, theirs, ours } = await twoSessions({ a: 1 }, { serializer })
    await save(Object.assign(theirs, { a: 2 }))
    await save(Object.assign(ours, { b: 3 }))
    expect(attributesOf((await store.get(SID)) as Data)).to.deep.equal({ a: 2, b: 3 })
    await save(theirs)
    expect(attributesOf((await store.get(SID)) as Data)).to.deep.equal({ a: 2, b: 3 })
  })

  it('takes attributes named like those of every object', async () => {
    const store = makeStore()
    const evil = JSON.parse('{"__proto__":{"admin":true},"constructor":{"prototype":1}}') as object
    const all = (session: object) => Object.entries(session).filter(([name]) => name !== 'cookie')
    await store.set(SID, Object.defineProperties(data(), Object.getOwnPropertyDescriptors(evil)))
    const [theirs, ours] = [await store.get(SID), await store.get(SID)] as [Data, Data]
    await store.set(SID, Object.assign(theirs, { a: 2 }))
    await store.set(SID, Object.assign(ours, { b: 3 }))
    const merged = (await store.get(SID)) as Data
    expect(all(merged)).to.have.deep.members([...all(evil), ['a', 2], ['b', 3]])
    expect(merged.admin).to.equal(undefined)
    expect('admin' in {}).to.equal(false)
  })
})
