import { expect } from 'chai'
import fc from 'fast-check'
import { mergeSessions } from '../../lib/concurrency/merge.ts'
import type { Data } from '../support/requests.ts'

type Attributes = Record<string, unknown>

/** Merges attributes, beside a cookie that is told apart by its domain. */
async function merge(base: Attributes, theirs: Attributes, ours: Attributes): Promise<Data> {
  const withCookie = (attributes: Attributes, domain: string) =>
    Object.defineProperties(
      { cookie: { domain } },
      Object.getOwnPropertyDescriptors(attributes),
    ) as unknown as Data
  return (await mergeSessions(
    withCookie(base, 'base'),
    withCookie(theirs, 'theirs'),
    withCookie(ours, 'ours'),
  )) as Data
}

const cookie = { domain: 'ours' }

describe('mergeSessions', () => {
  const cases: [
    string,
    base: Attributes,
    theirs: Attributes,
    ours: Attributes,
    merged: Attributes,
  ][] = [
    ['nobody changed: stays', { a: 1 }, { a: 1 }, { a: 1 }, { a: 1 }],
    ['they changed: theirs', { a: 1 }, { a: 2 }, { a: 1 }, { a: 2 }],
    ['we changed: ours', { a: 1 }, { a: 1 }, { a: 3 }, { a: 3 }],
    ['both changed: ours', { a: 1 }, { a: 2 }, { a: 3 }, { a: 3 }],
    ['both changed to the same: that', { a: 1 }, { a: 2 }, { a: 2 }, { a: 2 }],
    ['they added: added', {}, { a: 2 }, {}, { a: 2 }],
    ['we added: added', {}, {}, { a: 3 }, { a: 3 }],
    ['both added: ours', {}, { a: 2 }, { a: 3 }, { a: 3 }],
    ['they deleted: deleted', { a: 1 }, {}, { a: 1 }, {}],
    ['we deleted: deleted', { a: 1 }, { a: 1 }, {}, {}],
    ['both deleted: deleted', { a: 1 }, {}, {}, {}],
    ['they changed, we deleted: deleted', { a: 1 }, { a: 2 }, {}, {}],
    ['they deleted, we changed: ours', { a: 1 }, {}, { a: 3 }, { a: 3 }],
    ['different attributes: both', { a: 1, b: 1 }, { a: 2, b: 1 }, { a: 1, b: 3 }, { a: 2, b: 3 }],
    [
      'an attribute counts as a whole',
      { a: { x: 1 } },
      { a: { x: 2 } },
      { a: { x: 1 } },
      { a: { x: 2 } },
    ],
    [
      'both changed inside one: ours whole',
      { a: {} },
      { a: { x: 2 } },
      { a: { y: 3 } },
      { a: { y: 3 } },
    ],
    ['null is a value', { a: null }, { a: null }, {}, {}],
    ['null is not absent', {}, {}, { a: null }, { a: null }],
    [
      'undefined, as a serializer may give it, is not absent',
      {},
      { a: 2 },
      { a: undefined },
      { a: undefined },
    ],
    ['nor is absent undefined', { a: undefined }, { a: 2 }, {}, {}],
  ]
  for (const [name, base, theirs, ours, merged] of cases) {
    it(name, async () => {
      expect(await merge(base, theirs, ours)).to.deep.equal({ cookie, ...merged })
    })
  }

  describe('of cookies', () => {
    const A = '2030-01-01T00:00:00.000Z'
    const B = '2030-01-02T00:00:00.000Z'
    const C = '2030-01-03T00:00:00.000Z'
    const hour = { originalMaxAge: 3_600_000 }
    const day = { originalMaxAge: 86_400_000 }
    const week = { originalMaxAge: 604_800_000 }
    const cases: [string, base: object, theirs: object, ours: object, merged: object][] = [
      ['they changed: theirs', { path: '/' }, { path: '/a' }, { path: '/' }, { path: '/a' }],
      ['we changed: ours', { path: '/' }, { path: '/' }, { path: '/b' }, { path: '/b' }],
      ['both changed: ours', { path: '/' }, { path: '/a' }, { path: '/b' }, { path: '/b' }],
      [
        'different attributes: both',
        { path: '/', secure: false },
        { path: '/a', secure: false },
        { path: '/', secure: true },
        { path: '/a', secure: true },
      ],
      ['they added: added', {}, { domain: 'a' }, {}, { domain: 'a' }],
      ['we deleted: deleted', { domain: 'a' }, { domain: 'a' }, {}, {}],
      [
        'they lengthened the life, we touched: theirs, with its date',
        { ...hour, expires: A },
        { ...day, expires: C },
        { ...hour, expires: B },
        { ...day, expires: C },
      ],
      [
        'we lengthened the life, they touched: ours, with its date',
        { ...hour, expires: A },
        { ...hour, expires: B },
        { ...day, expires: C },
        { ...day, expires: C },
      ],
      [
        'both changed the life: ours',
        { ...hour, expires: A },
        { ...week, expires: C },
        { ...day, expires: B },
        { ...day, expires: B },
      ],
      [
        'they made it end with the browser: so it does',
        { ...hour, expires: A },
        { originalMaxAge: null, expires: null },
        { ...hour, expires: B },
        { originalMaxAge: null, expires: null },
      ],
      [
        'both touched: the later touch',
        { ...hour, expires: A },
        { ...hour, expires: B },
        { ...hour, expires: C },
        { ...hour, expires: C },
      ],
      [
        'only they touched: theirs',
        { ...hour, expires: A },
        { ...hour, expires: B },
        { ...hour, expires: new Date(A) },
        { ...hour, expires: B },
      ],
      [
        'a maxAge that was set a millisecond short is the same',
        { ...hour, expires: A },
        { ...day, expires: C },
        { originalMaxAge: 3_599_999, expires: B },
        { ...day, expires: C },
      ],
    ]
    for (const [name, ...cookies] of cases) {
      it(name, () => {
        const [base, theirs, ours, merged] = cookies.map((cookie) => ({ cookie }) as Data) as [
          ...[Data, Data, Data, Data],
        ]
        expect(mergeSessions(base, theirs, ours)).to.deep.equal(merged)
      })
    }
  })

  it('sees no change in another order of keys', async () => {
    const merged = await merge({ a: { x: 1, y: 2 } }, { a: 'theirs' }, { a: { y: 2, x: 1 } })
    expect(merged.a).to.equal('theirs')
  })

  it('sees no change in an equal Date, Map or class instance', async () => {
    class Point {
      x = 1
    }
    const make = () => ({ date: new Date(5), map: new Map([['k', [1]]]), point: new Point() })
    const theirs = { date: 'theirs', map: 'theirs', point: 'theirs' }
    expect(await merge(make(), theirs, make())).to.deep.equal({ cookie, ...theirs })
  })

  it('sees the change of a Date', async () => {
    const merged = await merge({ d: new Date(1) }, { d: new Date(1) }, { d: new Date(2) })
    expect(merged.d).to.deep.equal(new Date(2))
  })

  it('takes an array for what it is, not for its text', async () => {
    expect((await merge({ a: ['1'] }, { a: 'theirs' }, { a: [1] })).a).to.deep.equal([1])
  })

  it('leaves what it is given as it was', async () => {
    const sides = [{ a: 1, gone: 1 }, { a: 2, gone: 1, new: 1 }, { a: 1 }].map((attributes) =>
      Object.freeze({ cookie: Object.freeze({}), ...attributes }),
    ) as unknown as [Data, Data, Data]
    expect(await mergeSessions(...sides)).to.deep.equal({ cookie: {}, a: 2, new: 1 })
  })

  for (const name of ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty']) {
    it(`treats ${name} as an attribute like any other`, async () => {
      const of = (value: unknown) => JSON.parse(JSON.stringify({ [name]: value })) as Attributes
      const own = (session: object) => Object.getOwnPropertyDescriptor(session, name)?.value

      expect(own(await merge({}, of({ evil: 1 }), {}))).to.deep.equal({ evil: 1 })
      expect(own(await merge({}, {}, of({ evil: 1 })))).to.deep.equal({ evil: 1 })
      expect(own(await merge(of(1), of(2), of(1)))).to.equal(2)
      expect(own(await merge(of(1), of(1), of(3)))).to.equal(3)
      const merged = await merge(of({ evil: 1 }), of({ evil: 1 }), {})
      expect(Object.keys(merged)).to.deep.equal(['cookie'])
      expect(Object.getPrototypeOf(merged)).to.equal(Object.prototype)
      expect('evil' in {}).to.equal(false)
    })
  }

  it('takes no inherited property for an attribute', async () => {
    const merged = await merge({ toString: 1 }, { toString: 1 }, {})
    expect(Object.hasOwn(merged, 'toString')).to.equal(false)
  })

  it('is right for every attribute of any three sessions', async () => {
    const attributes = fc.dictionary(
      fc.constantFrom('a', 'b', 'c', '__proto__', 'constructor'),
      fc.oneof(
        fc.integer({ min: 0, max: 2 }),
        fc.constantFrom(null, 'x'),
        fc.json({ maxDepth: 1 }),
      ),
      { noNullPrototype: true },
    )
    const text = (session: object, name: string) =>
      JSON.stringify(Object.getOwnPropertyDescriptor(session, name)?.value)
    await fc.assert(
      fc.asyncProperty(attributes, attributes, attributes, async (base, theirs, ours) => {
        const merged = await merge(base, theirs, ours)
        const names = [base, theirs, ours, merged].flatMap((session) => Object.keys(session))
        for (const name of new Set(names)) {
          if (name === 'cookie') continue
          const [was, their, our] = [base, theirs, ours].map((session) => text(session, name))
          expect(text(merged, name)).to.equal(our === was ? their : our)
        }
      }),
    )
  })
})
