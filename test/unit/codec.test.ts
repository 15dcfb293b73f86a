import { expect } from 'chai'
import type { SessionData } from 'express-session'
import fc from 'fast-check'
import sinon from 'sinon'
import { Codec } from '../../lib/codec.ts'
import { SolidisStore } from '../../lib/index.ts'
import { KnownSession } from '../../lib/known-session.ts'
import { InvalidSessionError } from '../../lib/payload.ts'
import { RecentSessions } from '../../lib/recent-sessions.ts'
import { data } from '../support/requests.ts'
import { stubClient } from '../support/stub.ts'

type Attributes = Record<string, unknown>

/** Makes a session large enough to be written attribute by attribute. */
const LARGE = 'x'.repeat(4000)

class Point {
  readonly x = 1
  toJSON(name: string) {
    return { named: name }
  }
}

class Plain {
  readonly y = 2
}

/** Everything that JSON takes, and what it takes for something else, or leaves out. */
const value = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.array(fc.record({ sku: fc.string(), quantity: fc.integer() }), { maxLength: 3 }),
  fc.constantFrom<unknown>(0, -0, Number.NaN, Number.POSITIVE_INFINITY, 1e21, '\ud800', null, true),
  fc.constantFrom<unknown>(undefined, () => 1, Symbol('s')),
  fc.constantFrom<unknown>(new Date(0), new Date(Number.NaN), new Point(), new Plain(), new Map()),
  fc.constantFrom<unknown>(new String('s'), Object.create(null), Object.create({ inherited: 1 })),
  // biome-ignore lint/suspicious/noSparseArray: one of the things that JSON changes
  fc.constantFrom<unknown>([, 1], [undefined], Object.assign([1], { toJSON: () => 'mine' })),
  fc.constantFrom<unknown>({ toJSON: 1 }, { toJSON: () => undefined }, { a: undefined }, { a: -0 }),
)
const name = fc.constantFrom(
  'a',
  'b',
  '7',
  'née',
  '"',
  '__proto__',
  'constructor',
  'toJSON',
  'cookie',
)
/** `null`: the attribute is deleted. */
const edits = fc.array(fc.tuple(name, fc.oneof(fc.constant(null), fc.tuple(value))), {
  maxLength: 4,
})

function put(session: Attributes, name: string, value: unknown): void {
  Object.defineProperty(session, name, {
    value,
    writable: true,
    enumerable: true,
    configurable: true,
  })
}

function roundTrip(session: unknown): SessionData {
  return JSON.parse(JSON.stringify(session))
}

describe('the codec', () => {
  for (const [size, padding] of Object.entries({ small: '', large: LARGE })) {
    it(`gives what JSON gives, whatever it knows of a session: ${size}`, () => {
      const rounds = fc.array(fc.record({ reads: fc.nat(3), edits }), { maxLength: 5 })
      fc.assert(
        fc.property(rounds, (rounds) => {
          const codec = new Codec(JSON)
          let payload: Buffer = Buffer.from(
            JSON.stringify(data({ padding, a: 1, b: { c: [1, {}] } })),
          )
          for (const { reads, edits } of rounds) {
            for (let i = 0; i < reads; i++) {
              const read = codec.decode('1', payload, true)
              expect(read).to.deep.equal(JSON.parse(String(payload)))
              expect(JSON.stringify(read)).to.equal(JSON.stringify(JSON.parse(String(payload))))
            }
            const session = codec.decode('1', payload, true) as unknown as Attributes
            for (const [name, edit] of edits) {
              if (edit === null) delete session[name]
              else put(session, name, edit[0])
            }
            const text = JSON.stringify(session)
            if (text?.[0] !== '{') break
            payload = codec.encode('1', session as unknown as SessionData) as Buffer
            expect(String(payload)).to.equal(text)
          }
        }),
        { numRuns: 3000 },
      )
    })
  }

  it('gives every reader a session of its own', () => {
    const codec = new Codec(JSON)
    const attributes = { user: { roles: ['a'] }, cart: [{ quantity: 1 }], padding: LARGE }
    const payload = Buffer.from(JSON.stringify(data(attributes)))
    for (let i = 0; i < 5; i++) {
      const read = codec.decode('1', payload, false) as SessionData & typeof attributes
      expect(read).to.deep.equal(JSON.parse(String(payload)))
      read.user.roles.push('b')
      Object.assign(read.cart[0] as object, { quantity: 2 })
      read.cookie.path = '/changed'
    }
  })

  it('gives a session of its own to whom another was written by', () => {
    const codec = new Codec(JSON)
    const written = data({ user: { roles: ['a'] }, padding: LARGE, views: 0 })
    let payload = Buffer.from(JSON.stringify(written))
    for (let i = 0; i < 5; i++) {
      codec.decode('1', payload, false)
      Object.assign(written, { views: i, user: { roles: ['a', String(i)] } })
      payload = codec.encode('1', written) as Buffer<ArrayBuffer>
      const expected = roundTrip(written)
      written.user = 'changed later'
      expect(codec.decode('1', payload, false)).to.deep.equal(expected)
    }
  })

  it('parses a session again that somebody else has changed', () => {
    const codec = new Codec(JSON)
    for (let views = 0; views < 10; views++) {
      const payload = Buffer.from(JSON.stringify(data({ views, padding: LARGE })))
      for (let reads = 0; reads < 3; reads++) {
        expect(codec.decode('1', payload, false)).to.include({ views })
      }
    }
  })

  it('does not mind a toJSON method that writes the session, or throws', () => {
    const codec = new Codec(JSON)
    const first = data({ padding: LARGE, b: 0, a: 0 })
    let payload = Buffer.from(JSON.stringify(first))
    codec.decode('1', payload, false)
    codec.decode('1', payload, false)
    const inner = { ...first, b: 2 }
    const nested = { toJSON: () => String(codec.encode('1', inner).constructor.name) }
    payload = codec.encode('1', { ...first, a: nested } as never) as Buffer<ArrayBuffer>
    expect(String(payload)).to.equal(JSON.stringify({ ...first, a: 'Buffer' }))
    expect(codec.decode('1', payload, false)).to.include({ a: 'Buffer', b: 0 })
    const failing = {
      toJSON() {
        throw new Error('mine')
      },
    }
    expect(() => codec.encode('1', { ...first, a: 1, b: failing } as never)).to.throw('mine')
    expect(String(codec.encode('1', first))).to.equal(JSON.stringify(first))
    expect(codec.decode('1', payload, false)).to.include({ a: 'Buffer', b: 0 })
  })

  /** Each is what JSON makes something else of than of what it looks like. */
  const known = { list: [1], map: { a: 1, b: 2 } }
  const hidden = { value: () => 'mine' }
  const lookalikes: [string, attributes: Attributes, prototype?: object][] = [
    ['an array with a toJSON method', { list: Object.assign([1], { toJSON: () => 'mine' }) }],
    ['an object with one', { map: Object.defineProperty({ a: 1, b: 2 }, 'toJSON', hidden) }],
    ['an object in another order', { map: { b: 2, a: 1 } }],
    ['a session with a toJSON method', {}, { toJSON: () => ({ mine: 1 }) }],
  ]
  for (const [name, attributes, prototype = Object.prototype] of lookalikes) {
    it(`is not deceived by ${name}`, () => {
      const codec = new Codec(JSON)
      const before = data({ ...known, padding: LARGE })
      const payload = Buffer.from(JSON.stringify(before))
      codec.decode('1', payload, false)
      codec.decode('1', payload, false)
      codec.encode('1', before)
      const session = Object.assign(Object.create(prototype), before, attributes)
      const encoded = codec.encode('1', session) as Buffer
      expect(String(encoded)).to.equal(JSON.stringify(session))
      expect(codec.decode('1', encoded, true)).to.deep.equal(roundTrip(session))
    })
  }

  it('does not take for a session what has lost its cookie', () => {
    const codec = new Codec(JSON)
    const before = data({ padding: LARGE })
    const payload = Buffer.from(JSON.stringify(before))
    codec.decode('1', payload, false)
    codec.decode('1', payload, false)
    const without = codec.encode('1', { ...before, cookie: null } as never) as Buffer
    expect(() => codec.decode('1', without, false)).to.throw(InvalidSessionError)
  })

  it('does not parse again what has been read before', () => {
    const parse = sinon.spy(JSON, 'parse')
    try {
      for (const padding of ['', LARGE]) {
        const codec = new Codec(JSON)
        const payload = Buffer.from(JSON.stringify(data({ padding })))
        const before = parse.callCount
        for (let i = 0; i < 10; i++) codec.decode('1', payload, false)
        expect(parse.callCount - before).to.equal(padding === '' ? 3 : 2)
      }
    } finally {
      parse.restore()
    }
  })

  it('stringifies of a large session only what has changed', () => {
    const codec = new Codec(JSON)
    let stringified = 0
    const toJSON = () => ++stringified
    const before = data({ padding: LARGE, list: [1, 2], views: 0 })
    const payload = Buffer.from(JSON.stringify(before))
    codec.decode('1', payload, false)
    codec.decode('1', payload, false)
    codec.encode('1', before)
    const stringify = sinon.spy(JSON, 'stringify')
    try {
      codec.encode('1', { ...before, views: { toJSON } } as never)
      const given = stringify.args.map(([value]) => Object.keys(value as object))
      expect(given).to.deep.equal([['views']])
      expect(stringified).to.equal(1)
    } finally {
      stringify.restore()
    }
  })

  it('forgets a session that is over', async () => {
    const payload = JSON.stringify(data())
    let held: Buffer | null = Buffer.from(payload)
    const client = stubClient(([name]) => {
      if (name === 'SCAN') return ['0', ['sess:1']]
      return name === 'GET' ? held : 60_000
    })
    const store = new SolidisStore({ client })
    const parse = sinon.spy(JSON, 'parse')
    try {
      const ends = [
        () => store.destroy('1'),
        () => store.clear(),
        async () => {
          held = null
          expect(await store.get('1')).to.equal(null)
          held = Buffer.from(payload)
        },
      ]
      for (const end of ends) {
        for (let i = 0; i < 5; i++) await store.get('1')
        const known = parse.callCount
        await store.get('1')
        expect(parse.callCount).to.equal(known)
        await end()
        await store.get('1')
        expect(parse.callCount).to.equal(known + 1)
      }
    } finally {
      parse.restore()
    }
  })

  it('leaves all to a serializer that is not JSON', () => {
    let parsed = 0
    const parse = (text: string) => {
      parsed++
      return JSON.parse(text)
    }
    const codec = new Codec({ parse, stringify: () => '"mine"' })
    const payload = Buffer.from(JSON.stringify(data({ padding: LARGE })))
    for (let i = 0; i < 5; i++) codec.decode('1', payload, false)
    expect(parsed).to.equal(5)
    expect(String(codec.encode('1', data()))).to.equal('"mine"')
  })
})

describe('recent sessions', () => {
  const known = (size: number) => new KnownSession(Buffer.alloc(size), data())

  it('are as many as fit in, and those that are in use', () => {
    const recent = new RecentSessions(1000)
    recent.put('used', known(100))
    for (let i = 0; i < 50; i++) {
      recent.put(String(i), known(100))
      expect(recent.get('used')).not.to.equal(undefined)
    }
    const kept = Array.from({ length: 50 }, (_, i) => recent.get(String(i))).filter(Boolean)
    expect(kept.length).to.be.within(5, 20)
    expect(recent.get('49')).not.to.equal(undefined)
    expect(recent.get('0')).to.equal(undefined)
  })

  it('are counted as they grow', () => {
    const recent = new RecentSessions(1000)
    const growing = known(100)
    recent.put('growing', growing)
    recent.put('other', known(100))
    growing.learn(Buffer.alloc(950), data())
    recent.account(growing)
    recent.put('big', known(1001))
    expect(recent.get('other')).to.equal(undefined)
  })

  it('may be forgotten', () => {
    const recent = new RecentSessions(1000)
    expect(recent.isInUse('1')).to.equal(false)
    expect(recent.isInUse('1')).to.equal(true)
    recent.put('1', known(100))
    recent.delete('1')
    expect(recent.get('1')).to.equal(undefined)
    expect(recent.isInUse('1')).to.equal(false)
  })

  it('are asked about by a bounded number of ids', () => {
    const recent = new RecentSessions()
    for (let i = 0; i < 200_000; i++) recent.isInUse(String(i))
    expect(recent.isInUse('0')).to.equal(false)
  })
})
