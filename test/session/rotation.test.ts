import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { SolidisStore } from '../../lib/index.ts'
import { mainKind, type TestClient } from '../support/clients.ts'
import { Site, times } from '../support/race-site.ts'
import { freshPrefix } from '../support/redis.ts'
import { data } from '../support/requests.ts'

const OLD = 'the secret that is to be replaced'
const NEW = 'the secret that is to take its place'
const USERS = 10

/** Each is deployed to one process after the other. */
const DEPLOYMENTS = [[OLD], [OLD, NEW], [NEW, OLD], [NEW]]

describe('a change of the secret of a live site, of two processes', function () {
  this.timeout(60_000)
  let test: TestClient
  let prefix: string
  const sites: Site[] = []

  before(async () => {
    test = await mainKind.connect()
    prefix = freshPrefix()
  })
  after(async () => {
    await Promise.all(sites.map((site) => site.stop()))
    test.close()
  })

  const start = (secrets: string[]) => Site.start(prefix, { encryption: { secrets } })
  const makeStore = (secrets: string[]) =>
    new SolidisStore({ client: test.client, prefix, encryption: { secrets } })

  it('logs nobody out, and loses nothing', async () => {
    const [first] = DEPLOYMENTS as [string[]]
    sites.push(await start(first), await start(first))
    const users = await Promise.all(times(USERS, (i) => (sites[i % 2] as Site).login(`user=u${i}`)))
    let changes = 0
    let isOver = false

    /** What a user does all the while: each change of a name of its own, at either process. */
    async function browse(cookie: string, user: string): Promise<string[]> {
      const names: string[] = []
      while (!isOver) {
        const site = sites[changes++ % 2] as Site
        const name = `n${names.length}`
        const [, who] = await Promise.all([
          site.get(`/change?${name}=${name}`, cookie),
          (sites[changes % 2] as Site).get('/who', cookie),
        ])
        expect(await who.json()).to.equal(user)
        names.push(name)
      }
      return names
    }

    const browsing = Promise.all(users.map(({ cookie }, i) => browse(cookie, `u${i}`)))
    browsing.catch(() => {
      isOver = true
    })
    let reencrypted = 0
    for (const secrets of DEPLOYMENTS.slice(1)) {
      // Those who do not come back meanwhile are left for reencrypt.
      if (secrets.length === 1) reencrypted = await makeStore([NEW, OLD]).reencrypt()
      for (const i of [0, 1]) {
        sites.push(sites[i] as Site)
        sites[i] = await start(secrets)
        const goal = changes + USERS
        while (changes < goal && !isOver) await sleep(5)
      }
      if (secrets[0] === OLD) await makeStore([OLD]).set('away', data({ user: 'away' }))
    }
    isOver = true
    const written = await browsing
    expect(reencrypted).to.be.at.least(1)
    const store = makeStore([NEW])
    expect(await store.get('away')).to.include({ user: 'away' })
    for (const [i, { sid }] of users.entries()) {
      const expected = Object.fromEntries((written[i] as string[]).map((name) => [name, name]))
      expect(await store.get(sid)).to.include({ user: `u${i}`, ...expected })
    }
  })
})
