import { expect } from 'chai'
import expressSession, { Cookie, type Session, type SessionData } from 'express-session'
import { type SolidisLike, SolidisStore } from '../../lib/index.ts'
import { mainKind, type TestClient } from '../support/clients.ts'
import { ENCRYPTED } from '../support/encrypted.ts'
import { copyOfExpressSession } from '../support/express-session-copy.ts'
import { freshPrefix } from '../support/redis.ts'
import { ask, ONE_HOUR_MS, type RequestSession, save, stored } from '../support/requests.ts'

/** Not in its types. */
type SessionClass = new (req: object, data: object) => Session

const copies: [string, typeof expressSession][] = [
  ['express-session', expressSession],
  ['another copy of express-session', copyOfExpressSession()],
]

for (const [name, { Session }] of copies) {
  describe(`a new session of ${name}`, () => {
    let tested: TestClient
    let store: SolidisStore
    before(async () => {
      tested = await mainKind.connect()
    })
    after(() => tested.close())
    beforeEach(() => {
      store = new SolidisStore({ ...ENCRYPTED, client: tested.client, prefix: freshPrefix() })
    })

    function create(cookie: Cookie): RequestSession {
      const req = { sessionID: 'the sid', sessionStore: store }
      const session = new (Session as unknown as SessionClass)(req, { user: 'ann' })
      return Object.assign(session, { cookie }) as RequestSession
    }

    it('is written, and compared from then on', async () => {
      const gone: unknown[] = []
      store.on('gone', (event) => gone.push(event))
      const session = create(Object.assign(new Cookie(), { maxAge: ONE_HOUR_MS }))
      await save(session)
      expect(await stored(store, 'the sid')).to.deep.equal({ user: 'ann' })
      await store.destroy('the sid')
      await save(Object.assign(session, { user: 'bob' }))
      expect(await stored(store, 'the sid')).to.equal(null)
      expect(gone).to.deep.equal([{ sid: 'the sid' }])
    })

    it('is not brought back by a retry that comes late, after a logout', async () => {
      const held: (() => Promise<unknown>)[] = []
      let isHeld = true
      const client: SolidisLike = {
        send(commands) {
          if (!isHeld) return tested.client.send(commands)
          held.push(() => tested.client.send(commands))
          return new Promise(() => {})
        },
      }
      store = new SolidisStore({ ...ENCRYPTED, client, prefix: freshPrefix(), timeout: 50 })
      isHeld = false
      await store.destroy('another, by which the clock is known')
      isHeld = true
      const session = create(Object.assign(new Cookie(), { maxAge: ONE_HOUR_MS }))
      for (const user of ['ann', 'bob']) {
        const error = await save(Object.assign(session, { user })).catch((error) => error)
        expect(error).to.include({ code: 'ETIMEDOUT' })
      }
      isHeld = false
      await store.destroy('the sid')
      for (const send of held) await send()
      expect(await stored(store, 'the sid')).to.equal(null)
    })

    it('is not written with a date in its cookie that is none, of which express-session complains', async () => {
      const cookie = Object.assign(new Cookie(), { expires: new Date(Number.NaN) })
      await save(create(cookie))
      expect(await stored(store, 'the sid')).to.equal(null)
    })

    it('is refused such a date once it was written', async () => {
      const session = create(new Cookie())
      await save(session)
      session.cookie.expires = new Date(Number.NaN)
      const error = await save(session).catch((error) => error)
      expect(error).to.be.an.instanceof(TypeError)
      expect(error.message).to.match(/^session\.cookie\.expires: expected a valid date/)
    })
  })
}

describe('a session that was put without a cookie', () => {
  let tested: TestClient
  before(async () => {
    tested = await mainKind.connect()
  })
  after(() => tested.close())

  const mistake = { user: 'ann' } as unknown as SessionData

  it('is given back as it was put, which express-session complains of', async () => {
    const options = { client: tested.client, prefix: freshPrefix() }
    const [store, other] = [
      new SolidisStore({ ...ENCRYPTED, ...options }),
      new SolidisStore({ ...ENCRYPTED, ...options }),
    ]
    await store.set('1', mistake)
    expect(await store.get('1')).to.deep.equal(mistake)
    expect(await other.get('1')).to.deep.equal(mistake)
    expect((await other.all()).map(({ id }) => id)).to.deep.equal(['1'])
  })

  it('is none where others wrote it', async () => {
    const store = new SolidisStore({ ...ENCRYPTED, client: tested.client, prefix: freshPrefix() })
    const invalid: string[] = []
    store.on('invalid', ({ sid }) => invalid.push(sid))
    await ask(tested.client, 'SET', `${store.prefix}1`, JSON.stringify(mistake))
    expect(await store.get('1')).to.equal(null)
    expect(await store.all()).to.deep.equal([])
    expect(invalid).to.deep.equal(['1', '1'])
  })
})

it('copies of express-session have classes of their own', () => {
  expect(copies[1]?.[1].Session).not.to.equal(expressSession.Session)
})
