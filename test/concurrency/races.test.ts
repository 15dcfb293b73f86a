import { expect } from 'chai'
import { SolidisStore } from '../../lib/index.ts'
import { mainKind, type TestClient } from '../support/clients.ts'
import { ENCRYPTED } from '../support/encrypted.ts'
import { Site, times } from '../support/race-site.ts'
import { freshPrefix } from '../support/redis.ts'
import { data, open, save, stored } from '../support/requests.ts'

let test: TestClient

describe('races over HTTP, of two processes', () => {
  let sites: [Site, Site]
  let store: SolidisStore

  before(async function () {
    this.timeout(60_000)
    test = await mainKind.connect()
    const prefix = freshPrefix()
    store = new SolidisStore({ ...ENCRYPTED, client: test.client, prefix })
    sites = await Promise.all([Site.start(prefix), Site.start(prefix)])
  })

  after(async () => {
    await Promise.all((sites ?? []).map((site) => site.stop()))
    test.close()
  })

  it('200 logouts, each before a slower request writes: none comes back to life', async function () {
    this.timeout(60_000)
    const [slow, quick] = sites
    const users = await Promise.all(times(200, () => quick.login()))
    const changes = users.map(({ cookie }, i) => slow.get(`/change?wait=${i}&slow=1`, cookie))
    await slow.waiting(200)
    await Promise.all(users.map(({ cookie }) => quick.get('/logout', cookie)))
    await slow.release()
    await Promise.all(changes)
    const found = await Promise.all(users.map(({ sid }) => store.exists(sid)))
    expect(found.filter(Boolean), 'back to life').to.have.length(0)
  })

  it('200 logouts at the same moment as a write: none comes back to life', async function () {
    this.timeout(60_000)
    const users = await Promise.all(times(200, (i) => (sites[i % 2] as Site).login()))
    await Promise.all(
      users.flatMap(({ cookie }, i) => [
        (sites[i % 2] as Site).get('/change?a=1', cookie),
        (sites[(i >> 1) % 2] as Site).get('/logout', cookie),
        (sites[(i + 1) % 2] as Site).get('/change?b=1', cookie),
      ]),
    )
    const found = await Promise.all(users.map(({ sid }) => store.exists(sid)))
    expect(found.filter(Boolean), 'back to life').to.have.length(0)
  })

  /** Those of 480 changes that Redis does not hold. */
  async function lostChanges(sid: string): Promise<number[]> {
    const session: Record<string, unknown> = (await stored(store, sid)) ?? {}
    return times(480, (i) => i).filter((i) => session[`n${i}`] !== String(i))
  }

  it('480 changes of one session at once: none is lost', async function () {
    this.timeout(60_000)
    const { sid, cookie } = await sites[0].login()
    const changes = times(480, (i) =>
      (sites[i % 2] as Site).get(`/change?wait=${i}&n${i}=${i}`, cookie),
    )
    await Promise.all(sites.map((site) => site.waiting(240)))
    await Promise.all(sites.map((site) => site.release()))
    await Promise.all(changes)
    expect(await lostChanges(sid), 'lost').to.have.length(0)
  })

  it('480 changes of one session, as they come: none is lost', async function () {
    this.timeout(60_000)
    const { sid, cookie } = await sites[0].login()
    await Promise.all(times(480, (i) => (sites[i % 2] as Site).get(`/change?n${i}=${i}`, cookie)))
    expect(await lostChanges(sid), 'lost').to.have.length(0)
  })

  it('60 deletions, each before a slower request writes: none is undone', async function () {
    this.timeout(60_000)
    const [slow, quick] = sites
    const { sid, cookie } = await quick.login(times(60, (i) => `a${i}=${i}`).join('&'))
    const changes = times(60, (i) => slow.get(`/change?wait=${i}&n${i}=${i}`, cookie))
    await slow.waiting(60)
    await Promise.all(times(60, (i) => quick.get(`/delete?name=a${i}`, cookie)))
    await slow.release()
    await Promise.all(changes)
    const names = Object.keys((await stored(store, sid)) as object)
    const undone = names.filter((name) => name.startsWith('a'))
    expect(undone, 'undone').to.have.length(0)
    expect(names).to.have.length(60)
  })
})

describe('64 stores, as of 64 processes', () => {
  before(async () => {
    test = await mainKind.connect()
  })

  after(() => test.close())

  for (const shared of [true, false]) {
    it(`keep every change of one session at once, ${shared ? 'by one client' : 'by 64'}`, async function () {
      this.timeout(60_000)
      const prefix = freshPrefix()
      const clients = shared ? [test] : await Promise.all(times(64, () => mainKind.connect()))
      const stores = times(64, (i) => {
        const { client } = clients[i % clients.length] as TestClient
        return new SolidisStore({ ...ENCRYPTED, client, prefix })
      })
      const [first] = stores as [SolidisStore]
      try {
        await first.set('sid', data({ base: 0 }))
        const sessions = await Promise.all(stores.map((store) => open(store, 'sid')))
        await Promise.all(
          sessions.map((session, i) => save(Object.assign(session, { [`n${i}`]: i }))),
        )
        const expected = Object.fromEntries(times(64, (i) => [`n${i}`, i]))
        expect(await stored(first, 'sid')).to.deep.equal({ base: 0, ...expected })
      } finally {
        if (!shared) for (const client of clients) client.close()
      }
    })
  }
})
