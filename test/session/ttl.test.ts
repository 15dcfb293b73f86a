import { expect } from 'chai'
import { Cookie, type SessionData } from 'express-session'
import sinon from 'sinon'
import { SolidisStore, type SolidisStoreOptions } from '../../lib/index.ts'
import { rejection } from '../support/calls.ts'
import { stubClient } from '../support/stub.ts'

const NOW = Date.UTC(2030, 0, 1)

function sessionWith(cookie: unknown): SessionData {
  return { cookie } as SessionData
}

/** What `set` sends of a session with this cookie, without its payload. */
async function sent(cookie: unknown, options: Omit<SolidisStoreOptions, 'client'> = {}) {
  const client = stubClient()
  await new SolidisStore({ client, ...options }).set('1', sessionWith(cookie))
  return client.sent().map(([name, key, , ...rest]) => [name, key, ...rest])
}

const set = (milliseconds: number) => [['SET', 'sess:1', 'PX', String(milliseconds)]]
const destroyed = [['UNLINK', 'sess:1']]

describe('time to live', () => {
  let clock: sinon.SinonFakeTimers
  beforeEach(() => {
    clock = sinon.useFakeTimers({ now: NOW, toFake: ['Date'] })
  })
  afterEach(() => clock.restore())

  const inOneMinute = new Date(NOW + 60_000)

  describe('from a function', () => {
    it('always, whatever the cookie says', async () => {
      const ttl = () => 7
      expect(await sent({ expires: inOneMinute }, { ttl })).to.deep.equal(set(7000))
      expect(await sent({ maxAge: 60_000 }, { ttl })).to.deep.equal(set(7000))
      expect(await sent({}, { ttl })).to.deep.equal(set(7000))
      expect(await sent({ expires: new Date(Number.NaN) }, { ttl })).to.deep.equal(set(7000))
    })

    it('of the session', async () => {
      const ttl = (session: SessionData) => (session.cookie.secure ? 10 : 20)
      expect(await sent({ secure: true }, { ttl })).to.deep.equal(set(10_000))
      expect(await sent({ secure: false }, { ttl })).to.deep.equal(set(20_000))
    })

    it('to the millisecond', async () => {
      expect(await sent({}, { ttl: () => 0.05 })).to.deep.equal(set(50))
      expect(await sent({}, { ttl: () => 1.2345678 })).to.deep.equal(set(1235))
      expect(await sent({}, { ttl: () => 1.2344 })).to.deep.equal(set(1234))
    })

    for (const seconds of [0, -1, 0.0004, -86400]) {
      it(`destroys at ${seconds}`, async () => {
        expect(await sent({ expires: inOneMinute }, { ttl: () => seconds })).to.deep.equal(
          destroyed,
        )
      })
    }

    for (const [given, seconds] of [
      ['NaN', Number.NaN],
      ['Infinity', Number.POSITIVE_INFINITY],
      ['-Infinity', Number.NEGATIVE_INFINITY],
      ['undefined', undefined],
      ['a string', '60'],
    ]) {
      it(`is refused if it is ${given}`, async () => {
        const client = stubClient()
        const store = new SolidisStore({ client, ttl: () => seconds as number })
        for (const call of [store.set('1', sessionWith({})), store.touch('1', sessionWith({}))]) {
          const error = await rejection(call)
          expect(error).to.be.instanceOf(TypeError)
          expect(error.message).to.equal(
            `ttl(session): expected a finite number of seconds, got ${given}`,
          )
        }
        expect(client.sent()).to.deep.equal([])
      })
    }

    it('that throws is what the call fails with', async () => {
      const mine = new Error('mine')
      const ttl = () => {
        throw mine
      }
      const store = new SolidisStore({ client: stubClient(), ttl })
      expect(await rejection(store.set('1', sessionWith({})))).to.equal(mine)
      expect(await rejection(store.touch('1', sessionWith({})))).to.equal(mine)
    })
  })

  describe('from cookie.expires', () => {
    it('rather than from a number', async () => {
      expect(await sent({ expires: inOneMinute }, { ttl: 7 })).to.deep.equal(set(60_000))
    })

    it('rather than from maxAge', async () => {
      expect(await sent({ expires: inOneMinute, maxAge: 5 })).to.deep.equal(set(60_000))
    })

    it('that came out of JSON', async () => {
      expect(await sent({ expires: inOneMinute.toISOString() })).to.deep.equal(set(60_000))
    })

    it('to the millisecond', async () => {
      expect(await sent({ expires: new Date(NOW + 50) })).to.deep.equal(set(50))
      expect(await sent({ expires: new Date(NOW + 1) })).to.deep.equal(set(1))
    })

    it('of a Cookie of express-session with a maxAge', async () => {
      expect(await sent(Object.assign(new Cookie(), { maxAge: 1234 }))).to.deep.equal(set(1234))
    })

    it('destroys when it is over, at that very moment', async () => {
      expect(await sent({ expires: new Date(NOW) })).to.deep.equal(destroyed)
      expect(await sent({ expires: new Date(NOW - 1) })).to.deep.equal(destroyed)
      expect(await sent({ expires: new Date(0).toISOString() })).to.deep.equal(destroyed)
    })

    for (const [given, expires] of [
      ['an invalid Date', new Date(Number.NaN)],
      ['a string', 'hunter2'],
    ]) {
      it(`is refused if it is ${given} that is no date`, async () => {
        const client = stubClient()
        const store = new SolidisStore({ client })
        const session = sessionWith({ expires })
        for (const call of [store.set('1', session), store.touch('1', session)]) {
          const error = await rejection(call)
          expect(error).to.be.instanceOf(TypeError)
          expect(error.message).to.equal(
            `session.cookie.expires: expected a valid date, got ${given}`,
          )
        }
        expect(client.sent()).to.deep.equal([])
      })
    }
  })

  describe('from the maxAge of a plain object', () => {
    it('where it has no expires', async () => {
      expect(await sent({ maxAge: 1500 })).to.deep.equal(set(1500))
      expect(await sent({ maxAge: 1500, expires: null }, { ttl: 7 })).to.deep.equal(set(1500))
    })

    it('in whole milliseconds', async () => {
      expect(await sent({ maxAge: 1500.6 })).to.deep.equal(set(1501))
    })

    it('destroys at zero or less', async () => {
      expect(await sent({ maxAge: 0 })).to.deep.equal(destroyed)
      expect(await sent({ maxAge: -5 })).to.deep.equal(destroyed)
    })

    for (const maxAge of [Number.NaN, Number.POSITIVE_INFINITY]) {
      it(`is refused if it is ${maxAge}`, async () => {
        const store = new SolidisStore({ client: stubClient() })
        const error = await rejection(store.set('1', sessionWith({ maxAge })))
        expect(error).to.be.instanceOf(TypeError)
        expect(error.message).to.equal(
          `session.cookie.maxAge: expected a finite number of milliseconds, got ${maxAge}`,
        )
      })
    }
  })

  describe('from a number', () => {
    it('of seconds, a day by default, where the cookie has neither', async () => {
      expect(await sent({})).to.deep.equal(set(86_400_000))
      expect(await sent({ expires: null, maxAge: null })).to.deep.equal(set(86_400_000))
      expect(await sent({ expires: false })).to.deep.equal(set(86_400_000))
      expect(await sent(new Cookie())).to.deep.equal(set(86_400_000))
      expect(await sent(undefined)).to.deep.equal(set(86_400_000))
    })

    it('to the millisecond', async () => {
      expect(await sent({}, { ttl: 0.25 })).to.deep.equal(set(250))
      expect(await sent({}, { ttl: 1.2345678 })).to.deep.equal(set(1235))
    })
  })

  it('is the same for touch', async () => {
    const touched = async (cookie: unknown, ttl?: () => number) => {
      const client = stubClient(() => 1)
      await new SolidisStore({ client, ttl }).touch('1', sessionWith(cookie))
      return client.sent()
    }
    expect(await touched({ expires: inOneMinute })).to.deep.equal([['PEXPIRE', 'sess:1', '60000']])
    expect(await touched({ maxAge: 50 })).to.deep.equal([['PEXPIRE', 'sess:1', '50']])
    expect(await touched({})).to.deep.equal([['PEXPIRE', 'sess:1', '86400000']])
    expect(await touched({ maxAge: 50 }, () => 7)).to.deep.equal([['PEXPIRE', 'sess:1', '7000']])
  })

  it('is for ever with disableTTL, and asked of nobody', async () => {
    const ttl = sinon.fake.returns(7)
    const session = sessionWith({ expires: inOneMinute })
    const client = stubClient()
    const store = new SolidisStore({ client, ttl, disableTTL: true })
    await store.set('1', session)
    await store.touch('1', session)
    await store.get('1')
    expect(
      client.sent().map(([name, key, _payload, ...life]) => [name, key, ...life]),
    ).to.deep.equal([
      ['SET', 'sess:1'],
      ['GET', 'sess:1'],
    ])
    expect(ttl.callCount).to.equal(0)
  })
})
