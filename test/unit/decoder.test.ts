import { expect } from 'chai'
import type { SessionData } from 'express-session'
import fc from 'fast-check'
import sinon from 'sinon'
import { SolidisStore } from '../../lib/index.ts'
import { Decoder } from '../../lib/session/decoder.ts'
import { KnownSession } from '../../lib/session/known-session.ts'
import { InvalidSessionError } from '../../lib/session/payload.ts'
import { RecentSessions } from '../../lib/session/recent-sessions.ts'
import { data } from '../support/requests.ts'
import { stubClient } from '../support/stub.ts'

/** How often JSON.parse is called meanwhile. */
async function parses(during: () => unknown): Promise<number> {
  const parse = sinon.spy(JSON, 'parse')
  try {
    await during()
    return parse.callCount
  } finally {
    parse.restore()
  }
}

describe('the decoder', () => {
  it('gives what JSON.parse gives, however often', () => {
    const names = fc.constantFrom('a', '7', 'née', '"', '__proto__', 'constructor', 'toJSON')
    const attributes = fc.dictionary(names, fc.jsonValue({ maxDepth: 4 }), {
      noNullPrototype: true,
    })
    const numbers = fc.constantFrom('-0', '1e400', '0.1', '1e21')
    const reads = fc.array(fc.tuple(fc.nat(2), fc.nat(3)), { maxLength: 8 })
    fc.assert(
      fc.property(fc.tuple(attributes, attributes, attributes), numbers, reads, (all, n, reads) => {
        const decoder = new Decoder(JSON)
        const texts = all.map((attributes) => {
          const text = JSON.stringify({ cookie: {}, attributes })
          return `${text.slice(0, -1)},"n":${n},"twice":1,"twice":2}`
        })
        for (const [which, times] of reads) {
          const text = texts[which] as string
          for (let i = 0; i < times; i++) {
            const read = decoder.decode('1', Buffer.from(text), false)
            expect(read).to.deep.equal(JSON.parse(text))
            expect(JSON.stringify(read)).to.equal(JSON.stringify(JSON.parse(text)))
          }
        }
      }),
      { numRuns: 2000 },
    )
  })

  it('gives every reader a session of its own', () => {
    const decoder = new Decoder(JSON)
    const attributes = { user: { roles: ['a'] }, cart: [{ quantity: 1 }], grid: [[1]] }
    const payload = Buffer.from(JSON.stringify(data(attributes)))
    for (let i = 0; i < 6; i++) {
      const read = decoder.decode('1', payload, false) as SessionData & typeof attributes
      expect(read).to.deep.equal(JSON.parse(String(payload)))
      read.user.roles.push('b')
      Object.assign(read.cart[0] as object, { quantity: 2 })
      read.grid[0]?.push(2)
      read.cookie.path = '/changed'
    }
  })

  it('does not parse again what has come twice', async () => {
    const decoder = new Decoder(JSON)
    const payload = Buffer.from(JSON.stringify(data()))
    const count = await parses(() => {
      for (let i = 0; i < 10; i++) decoder.decode('1', payload, false)
    })
    expect(count).to.equal(2)
  })

  it('parses what somebody else has changed', () => {
    const decoder = new Decoder(JSON)
    for (const views of [1, 2, 3, 10, 11, 1]) {
      const payload = Buffer.from(JSON.stringify(data({ views })))
      for (let i = 0; i < 4; i++) expect(decoder.decode('1', payload, false)).to.include({ views })
    }
  })

  it('keeps no part of the reply', () => {
    const decoder = new Decoder(JSON)
    const payload = Buffer.from(JSON.stringify(data({ views: 1 })))
    for (let i = 0; i < 4; i++) decoder.decode('1', payload, false)
    const text = String(payload)
    payload.fill(' ')
    expect(decoder.decode('1', Buffer.from(text), false)).to.include({ views: 1 })
    expect(() => decoder.decode('1', payload, false)).to.throw(InvalidSessionError)
  })

  it('refuses a payload without a cookie however often, unless it may have none', () => {
    const decoder = new Decoder(JSON)
    const payload = Buffer.from('{"a":1}')
    for (let i = 0; i < 4; i++) {
      expect(decoder.decode('1', payload, true)).to.deep.equal({ a: 1 })
      expect(() => decoder.decode('1', payload, false)).to.throw(InvalidSessionError)
    }
  })

  it('parses each time what is nested too deeply to be copied', async () => {
    const decoder = new Decoder(JSON)
    const depth = 100_000
    const payload = Buffer.from(`{"cookie":{},"deep":${'['.repeat(depth)}${']'.repeat(depth)}}`)
    const count = await parses(() => {
      for (let i = 0; i < 4; i++)
        expect(decoder.decode('1', payload, false)).to.have.property('deep')
    })
    expect(count).to.equal(4)
  })

  it('leaves all to a serializer that is not JSON', () => {
    const parse = sinon.spy((text: string) => JSON.parse(text))
    const decoder = new Decoder({ parse, stringify: JSON.stringify })
    const payload = Buffer.from(JSON.stringify(data()))
    for (let i = 0; i < 5; i++) decoder.decode('1', payload, false)
    expect(parse.callCount).to.equal(5)
  })

  it('forgets a session that is over', async () => {
    const payload = Buffer.from(JSON.stringify(data()))
    let held: Buffer | null = payload
    const client = stubClient(([name]) => {
      if (name === 'SCAN') return ['0', ['sess:1']]
      return name === 'GET' ? held : 60_000
    })
    const store = new SolidisStore({ client })
    const expire = async () => {
      held = null
      expect(await store.get('1')).to.equal(null)
      held = payload
    }
    for (const end of [() => store.destroy('1'), () => store.clear(), expire]) {
      for (let i = 0; i < 5; i++) await store.get('1')
      expect(await parses(() => store.get('1'))).to.equal(0)
      await end()
      expect(await parses(() => store.get('1'))).to.equal(1)
    }
  })
})

describe('recent sessions', () => {
  const known = (size: number) => new KnownSession(Buffer.alloc(size))

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
    recent.put('other', known(100))
    for (let size = 100; size < 1000; size += 100) recent.put('growing', known(size))
    expect(recent.get('growing')?.size).to.equal(900)
    expect(recent.get('other')).to.equal(undefined)
  })

  it('may be forgotten', () => {
    const recent = new RecentSessions(1000)
    recent.put('1', known(100))
    recent.delete('1')
    expect(recent.get('1')).to.equal(undefined)
  })
})
