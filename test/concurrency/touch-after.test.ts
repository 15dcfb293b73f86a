import { expect } from 'chai'
import type { SessionData } from 'express-session'
import sinon from 'sinon'
import { SolidisStore } from '../../lib/index.ts'
import { TOUCH } from '../../lib/redis/commands.ts'
import { ENCRYPTED, sealed } from '../support/encrypted.ts'
import { data } from '../support/requests.ts'
import { stubClient } from '../support/stub.ts'

const NOW = Date.UTC(2030, 0, 1)

const payloadOf = (cookie: object) => Buffer.from(sealed('sess:', '1', JSON.stringify({ cookie })))

describe('touchAfter', () => {
  let clock: sinon.SinonFakeTimers
  beforeEach(() => {
    clock = sinon.useFakeTimers({ now: NOW, toFake: ['Date'] })
  })
  afterEach(() => clock.restore())

  /** Loads a session with so much left to live, lets it end at another time, and touches it. */
  async function touch(touchAfter: number, pttl: number, life: number) {
    const client = stubClient(([name]) => {
      if (name === 'GET') return payloadOf({ expires: new Date(NOW) })
      return name === 'PTTL' ? pttl : 1
    })
    const store = new SolidisStore({ ...ENCRYPTED, client, touchAfter })
    const session = (await store.get('1')) as SessionData
    session.cookie.expires = new Date(NOW + life)
    await store.touch('1', session)
    return expired(client)
  }

  /** To how many milliseconds the life of a key was set, time after time. */
  function expired(client: ReturnType<typeof stubClient>): number[] {
    return client.sent().flatMap(([name, key, ...rest]) => {
      if (name === 'PEXPIRE') return [Number(rest[0])]
      return name === 'EVALSHA' && key === TOUCH.sha1 ? [Number(rest[2])] : []
    })
  }

  it('spares a touch that would extend the life by less', async () => {
    expect(await touch(60, 3_540_001, 3_600_000)).to.deep.equal([])
    expect(await touch(60, 3_600_000, 3_600_000)).to.deep.equal([])
    expect(await touch(0.05, 1000, 1049)).to.deep.equal([])
  })

  it('sends one that would extend it by as much or more', async () => {
    expect(await touch(60, 3_540_000, 3_600_000)).to.deep.equal([3_600_000])
    expect(await touch(60, 1000, 3_600_000)).to.deep.equal([3_600_000])
    expect(await touch(0.05, 1000, 1050)).to.deep.equal([1050])
  })

  for (const touchAfter of [1800, 3600, 7200, 10 ** 9]) {
    it(`spares none beyond half of a life, with ${touchAfter} s for a life of an hour`, async () => {
      expect(await touch(touchAfter, 1_800_001, 3_600_000)).to.deep.equal([])
      expect(await touch(touchAfter, 1_800_000, 3_600_000)).to.deep.equal([3_600_000])
      expect(await touch(touchAfter, 1, 3_600_000)).to.deep.equal([3_600_000])
    })
  }

  it('keeps a user logged in who comes as rarely as twice in a life', async () => {
    const life = 2000
    for (const touchAfter of [0.5, 1.5, 1.95, 2, 10]) {
      let left = life
      for (let i = 0; i < 12; i++) {
        left -= life / 2
        expect(left).to.be.above(-1)
        const [extended = left] = await touch(touchAfter, Math.max(left, 1), life)
        left = extended
      }
    }
  })

  it('sends one that would shorten it, however little', async () => {
    expect(await touch(60, 3_600_000, 3_599_999)).to.deep.equal([3_599_999])
    expect(await touch(60, 3_600_000, 0)).to.deep.equal([0])
  })

  it('sends one that makes a key expire which did not', async () => {
    expect(await touch(60, -1, 3_600_000)).to.deep.equal([3_600_000])
  })

  it('sends every one by default', async () => {
    expect(await touch(0, 3_600_000, 3_600_000)).to.deep.equal([3_600_000])
  })

  it('sends one of a session that was not loaded', async () => {
    const client = stubClient(() => 1)
    await new SolidisStore({ ...ENCRYPTED, client, touchAfter: 3600 }).touch('1', data())
    expect(client.sent().map(([name]) => name)).to.deep.equal(['PEXPIRE'])
  })

  it('counts from the last write', async () => {
    const client = stubClient(([name]) => {
      if (name === 'GET') return payloadOf({})
      return name === 'PTTL' ? 1000 : 1
    })
    const store = new SolidisStore({ ...ENCRYPTED, client, touchAfter: 60 })
    const session = (await store.get('1')) as SessionData & { views?: number }
    session.views = 1
    session.cookie.expires = new Date(NOW + 3_600_000)
    await store.set('1', session)
    clock.tick(59_999)
    session.cookie.expires = new Date(NOW + 3_659_999)
    await store.touch('1', session)
    clock.tick(1)
    session.cookie.expires = new Date(NOW + 3_660_000)
    await store.touch('1', session)
    expect(expired(client)).to.deep.equal([3_600_000])
  })
})
