import { expect } from 'chai'
import { Cookie, type SessionData } from 'express-session'
import sinon from 'sinon'
import { SolidisStore } from '../../lib/index.ts'
import { stubClient } from '../support/stub.ts'

const NOW = Date.UTC(2030, 0, 1)
const STORED = '2029-12-31T23:59:59.999Z'

/** What `get` gives where Redis holds this cookie, with so many milliseconds left. */
async function got(cookie: object, pttl: number | bigint, options: object = {}) {
  const client = stubClient(([name]) =>
    name === 'PTTL' ? pttl : Buffer.from(JSON.stringify({ cookie })),
  )
  const session = await new SolidisStore({ client, ...options }).get('1')
  expect(client.send.callCount, 'round trips').to.equal(1)
  return session
}

describe('expiry as get gives it', () => {
  let clock: sinon.SinonFakeTimers
  beforeEach(() => {
    clock = sinon.useFakeTimers({ now: NOW, toFake: ['Date'] })
  })
  afterEach(() => clock.restore())

  it('is the one that Redis will apply', async () => {
    expect((await got({ expires: STORED }, 1234))?.cookie).to.deep.equal({
      expires: new Date(NOW + 1234),
    })
  })

  it('may be beyond the safe integers', async () => {
    const session = await got({ expires: STORED }, 1234n)
    expect(session?.cookie.expires).to.deep.equal(new Date(NOW + 1234))
  })

  it('keeps the rest of the cookie', async () => {
    const cookie = { originalMaxAge: 60_000, httpOnly: true, expires: STORED, path: '/a' }
    const session = await got(cookie, 1000)
    expect(session?.cookie).to.deep.equal({ ...cookie, expires: new Date(NOW + 1000) })
  })

  it('stays as stored where the key never expires', async () => {
    expect((await got({ expires: STORED }, -1))?.cookie.expires).to.equal(STORED)
  })

  it('stays as stored where the key expires later than there are dates', async () => {
    const session = await got({ expires: STORED }, BigInt(Number.MAX_SAFE_INTEGER) * 1000n)
    expect(session?.cookie.expires).to.equal(STORED)
  })

  it('is none where the cookie has none', async () => {
    expect((await got({ originalMaxAge: null }, 1000))?.cookie).to.deep.equal({
      originalMaxAge: null,
    })
    expect((await got({ expires: null }, 1000))?.cookie.expires).to.equal(null)
  })

  it('is no session where the key is gone in between', async () => {
    expect(await got({ expires: STORED }, -2)).to.equal(null)
    expect(await got({ expires: STORED }, 0)).to.equal(null)
  })

  it('is a Date where the serializer makes one', async () => {
    const parse = (text: string): SessionData => {
      const session = JSON.parse(text)
      session.cookie.expires = new Date(session.cookie.expires)
      return session
    }
    const serializer = { parse, stringify: JSON.stringify }
    const session = await got({ expires: STORED }, 1234, { serializer })
    expect(session?.cookie.expires).to.deep.equal(new Date(NOW + 1234))
  })

  it('leaves originalMaxAge to a Cookie that the serializer revives', async () => {
    const parse = (text: string) => {
      const { cookie } = JSON.parse(text)
      const revived = Object.assign(new Cookie(), { expires: new Date(cookie.expires) })
      return { cookie: Object.assign(revived, { originalMaxAge: cookie.originalMaxAge }) }
    }
    const serializer = { parse, stringify: JSON.stringify }
    const cookie = { originalMaxAge: 60_000, expires: STORED }
    const session = await got(cookie, 1234, { serializer })
    expect(session?.cookie.expires).to.deep.equal(new Date(NOW + 1234))
    expect(session?.cookie.originalMaxAge).to.equal(60_000)
  })
})
