import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import type { SessionData } from 'express-session'
import { SolidisStore } from '../../lib/index.ts'
import { type ClientKind, clientKinds, nodeRedisKind, olderKinds } from '../support/clients.ts'
import { ENCRYPTED } from '../support/encrypted.ts'
import { eventually } from '../support/eventually.ts'
import { Relay } from '../support/relay.ts'
import { data, equip, type FakeRequest, type RequestSession } from '../support/requests.ts'
import { Server } from './server.ts'

const TIMEOUT_MS = 300
/** As long as it takes the clients to be connected again, and to send what they have kept. */
const AFTERWARDS_MS = 300
const LONG_MS = 600_000
const SHORT_MS = 20_000

/** Two processes of a site, of which only one is cut off. */
interface Scene {
  readonly cutOff: SolidisStore
  readonly other: SolidisStore
}

/** What is told to fail, and what another process then does. */
interface Case {
  readonly what: string
  /** All of these fail. */
  cutOff(scene: Scene): Promise<unknown>[]
  before?(scene: Scene): Promise<unknown>
  elsewhere(scene: Scene): Promise<unknown>
  check(scene: Scene): Promise<unknown>
}

const SID = 'the sid'

let session: RequestSession

const CASES: Case[] = [
  {
    what: 'a login, after a logout elsewhere',
    cutOff: ({ cutOff }) => [cutOff.set(SID, data({ user: 'ann' }))],
    elsewhere: ({ other }) => other.destroy(SID),
    check: async ({ other }) => expect(await other.get(SID)).to.equal(null),
  },
  {
    what: 'a new session of a request, saved twice, after a logout elsewhere',
    async before({ cutOff }) {
      const req: FakeRequest = { sessionID: SID, sessionStore: cutOff }
      ;(cutOff as unknown as { generate(req: FakeRequest): void }).generate(req)
      session = req.session as RequestSession
    },
    cutOff: ({ cutOff }) => {
      const save = () => cutOff.set(session.id, Object.assign(session, { user: 'ann' }))
      const first = save()
      return [first, first.catch(save)]
    },
    elsewhere: ({ other }) => other.destroy(session.id),
    check: async ({ other }) => expect(await other.get(session.id)).to.equal(null),
  },
  {
    what: 'a change, after a logout elsewhere',
    before: ({ other }) => other.set(SID, data()),
    cutOff: ({ cutOff }) => [cutOff.update(SID, (loaded) => void Object.assign(loaded, { n: 1 }))],
    elsewhere: ({ other }) => other.destroy(SID),
    check: async ({ other }) => expect(await other.get(SID)).to.equal(null),
  },
  {
    what: 'what was not loaded, over what was written elsewhere',
    cutOff: ({ cutOff }) => [cutOff.set(SID, data({ n: 1 }))],
    elsewhere: ({ other }) => other.set(SID, data({ n: 2 })),
    check: async ({ other }) => expect(await other.get(SID)).to.include({ n: 2 }),
  },
  {
    what: 'a logout, after a login elsewhere',
    cutOff: ({ cutOff }) => [cutOff.destroy(SID)],
    elsewhere: ({ other }) => other.set(SID, data({ n: 2 })),
    check: async ({ other }) => expect(await other.get(SID)).to.include({ n: 2 }),
  },
  {
    what: 'a short life, after a longer one was given elsewhere',
    before: ({ other }) => other.set(SID, living(SHORT_MS)),
    cutOff: ({ cutOff }) => [cutOff.touch(SID, living(SHORT_MS))],
    elsewhere: ({ other }) => other.touch(SID, living(LONG_MS)),
    async check({ other }) {
      const loaded = (await other.get(SID)) as SessionData
      expect(Number(loaded.cookie.expires)).to.be.greaterThan(Date.now() + LONG_MS / 2)
    },
  },
]

/** How the one process is cut off, and comes back. */
const CUTS: Record<string, (relay: Relay) => Promise<(() => Promise<unknown>) | (() => void)>> = {
  'whose connections end': async (relay) => {
    await relay.close()
    return () => relay.open()
  },
  'whose network is down': async (relay) => {
    relay.hold()
    return () => relay.release()
  },
}

describe('what was told to have failed is not written late', function () {
  this.timeout(20_000)
  let server: Server
  let direct: Awaited<ReturnType<ClientKind['connect']>>

  before(async () => {
    server = await Server.start()
    direct = await nodeRedisKind.connect(server.url)
  })
  after(async () => {
    direct.close()
    await server.stop()
  })

  for (const kind of [...clientKinds, ...olderKinds]) {
    if (kind.missing) continue
    for (const [how, cut] of Object.entries(CUTS)) {
      it(`by a process over ${kind.name} ${how}`, async () => {
        await Promise.all(CASES.map((each) => tryCase(each, kind, cut)))
      })
    }
  }

  async function tryCase(each: Case, kind: ClientKind, cut: (typeof CUTS)[string]) {
    const relay = new Relay(server.url)
    await relay.open()
    const tested = await kind.connect(relay.url)
    const prefix = `${each.what}:${kind.name}:${Math.random()}:`
    const options = { prefix, breaker: false }
    const cutOff = equip(
      new SolidisStore({ ...ENCRYPTED, ...options, client: tested.client, timeout: TIMEOUT_MS }),
    )
    const other = new SolidisStore({ ...ENCRYPTED, ...options, client: direct.client })
    const scene = { cutOff, other }
    // It has learned the clock of Redis, as in any process that has done anything.
    await cutOff.set('another', data())
    await each.before?.(scene)
    const comeBack = await cut(relay)
    const outcomes = await Promise.allSettled(each.cutOff(scene))
    for (const { status } of outcomes) expect(status, each.what).to.equal('rejected')
    await each.elsewhere(scene)
    await comeBack()
    await eventually(async () => isAnswered(cutOff))
    await sleep(AFTERWARDS_MS)
    await each.check(scene)
    tested.close()
    await relay.close()
  }
})

function isAnswered(store: SolidisStore): Promise<boolean> {
  return store.exists('another').catch(() => false)
}

function living(ms: number): SessionData {
  const expires = new Date(Date.now() + ms).toISOString()
  return { cookie: { originalMaxAge: ms, expires } } as unknown as SessionData
}
