import { expect } from 'chai'
import expressSession, { Cookie, type Session, type SessionData } from 'express-session'
import { SolidisStore } from '../lib/index.ts'
import { mainKind, type TestClient } from './support/clients.ts'
import { copyOfExpressSession } from './support/express-session-copy.ts'
import { freshPrefix } from './support/redis.ts'
import { data, ONE_HOUR_MS, type RequestSession, save, stored } from './support/requests.ts'

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
      store = new SolidisStore({ client: tested.client, prefix: freshPrefix() })
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

    it('is not written if its cookie cannot be sent, which the middleware complains of', async () => {
      const cookie = Object.assign(new Cookie(), { expires: new Date(Number.NaN) })
      await save(create(cookie))
      expect(await stored(store, 'the sid')).to.equal(null)
    })
  })
}

describe('a session that was stored without a cookie', () => {
  let tested: TestClient
  before(async () => {
    tested = await mainKind.connect()
  })
  after(() => tested.close())

  const mistake = { user: 'ann' } as unknown as SessionData

  function createStores() {
    const options = { client: tested.client, prefix: freshPrefix() }
    return [new SolidisStore(options), new SolidisStore(options)] as const
  }

  it('is given back as it was put by who put it, and is none to others', async () => {
    const [store, other] = createStores()
    await store.set('1', mistake)
    expect(await store.get('1')).to.deep.equal(mistake)
    expect(await other.get('1')).to.equal(null)
  })

  it('is none once something else was put there', async () => {
    const [store, other] = createStores()
    await store.set('1', mistake)
    await store.set('1', data())
    await other.set('1', mistake)
    expect(await store.get('1')).to.equal(null)
    await store.set('1', mistake)
    await store.destroy('1')
    await other.set('1', mistake)
    expect(await store.get('1')).to.equal(null)
  })

  it('is forgotten after a thousand others', async () => {
    const [store] = createStores()
    for (let i = 0; i <= 1000; i++) await store.set(String(i), mistake)
    expect(await store.get('0')).to.equal(null)
    expect(await store.get('1')).to.deep.equal(mistake)
  })
})

it('copies of express-session have classes of their own', () => {
  expect(copies[1]?.[1].Session).not.to.equal(expressSession.Session)
})
