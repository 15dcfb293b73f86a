import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import type { SessionData } from 'express-session'
import { SolidisStore } from '../lib/index.ts'
import { clientKinds, nodeRedisKind, type TestClient } from './support/clients.ts'
import { freshPrefix, urlOf } from './support/redis.ts'
import { ask, type Data, data } from './support/requests.ts'

/** What the client itself needs, by the page on security, for database 0. */
const OF_CLIENT: Record<string, string[]> = { Solidis: ['+info'], ioredis: ['+info'] }

describe('a user of Redis with the rights that the page on security names', () => {
  const user = `rights${process.pid}`
  const [base = [], ofIndex = []] = rightsOf(readFileSync('docs/security.md', 'utf8'))
  const rights = [...base, ...ofIndex]
  let admin: TestClient
  let prefix: string

  before(async () => {
    admin = await nodeRedisKind.connect()
  })
  beforeEach(() => {
    prefix = freshPrefix()
  })
  after(async () => {
    await ask(admin.client, 'ACL', 'DELUSER', user)
    admin.close()
  })

  /** Redis asks for EVAL only where it does not know a script yet. */
  async function permit(...rules: string[]): Promise<void> {
    await ask(admin.client, 'SCRIPT', 'FLUSH')
    await ask(admin.client, 'ACL', 'SETUSER', user, 'reset', 'on', '>secret', ...rules)
  }

  for (const kind of clientKinds) {
    if (kind.missing !== undefined) {
      it(`cannot be tested over ${kind.name}: ${kind.missing}`)
      continue
    }

    it(`may do all that the store does, over ${kind.name}`, async () => {
      await permit(`~${prefix}*`, ...base, ...(OF_CLIENT[kind.name] ?? []))
      const { client, close } = await kind.connect(urlOf(user, 'secret'))
      expect(await failures(new SolidisStore({ client, prefix }))).to.deep.equal({})
      close()
    })

    it(`may do all that the store does with indexBy, over ${kind.name}`, async () => {
      await permit(...keysOf(prefix), ...rights, ...(OF_CLIENT[kind.name] ?? []))
      const { client, close } = await kind.connect(urlOf(user, 'secret'))
      const store = indexed(client, prefix)
      expect({ ...(await failures(store)), ...(await failuresOfIndex(store)) }).to.deep.equal({})
      close()
    })
  }

  for (const right of base) {
    it(`needs ${right}, and is told so`, async () => {
      await permit(`~${prefix}*`, ...rights.filter((each) => each !== right))
      const { client, close } = await nodeRedisKind.connect(urlOf(user, 'secret'))
      const told = Object.values(await failures(new SolidisStore({ client, prefix })))
      close()
      expect(told).not.to.have.length(0)
      for (const error of told) {
        if ('command' in error) expect(error).to.include({ code: 'NOPERM' })
        expect(error.message).to.include('NOPERM').and.to.include(right.slice(1))
      }
    })
  }

  for (const right of ofIndex) {
    it(`needs ${right} with indexBy, and is told so`, async () => {
      await permit(...keysOf(prefix), ...rights.filter((each) => each !== right))
      const { client, close } = await nodeRedisKind.connect(urlOf(user, 'secret'))
      const told = Object.values(await failuresOfIndex(indexed(client, prefix)))
      close()
      expect(told).not.to.have.length(0)
      for (const error of told) {
        expect(error).to.include({ code: 'NOPERM' })
        expect(error.message).to.include(right.slice(1))
      }
    })
  }

  it('needs the keys of the index with indexBy, and is told so', async () => {
    await permit(`~${prefix}*`, ...rights)
    const { client, close } = await nodeRedisKind.connect(urlOf(user, 'secret'))
    const { set } = await failuresOfIndex(indexed(client, prefix))
    close()
    expect(set).to.include({ code: 'NOPERM' })
  })
})

/** The rights of each line by which the page gives some. */
function rightsOf(text: string): string[][] {
  const lines = [...text.matchAll(/^ACL SETUSER web (.*)$/gm)].map(([, line = '']) => line)
  return lines.map((line) => line.split(' ').filter((rule) => rule.startsWith('+')))
}

function keysOf(prefix: string): string[] {
  return [`~${prefix}*`, `~by:${prefix}*`]
}

function indexed(client: TestClient['client'], prefix: string): SolidisStore {
  const indexBy = (session: SessionData) => (session as Data).user as string | undefined
  return new SolidisStore({ client, prefix, indexBy, maxSessions: 2 })
}

/** What fails of all that a store may do with the sessions of a user. */
async function failuresOfIndex(store: SolidisStore): Promise<Record<string, Error>> {
  const failed: Record<string, Error> = {}
  const attempt = (name: string, promise: Promise<unknown>) =>
    promise.catch((error) => {
      failed[name] = error
    })
  const login = (sid: string) => store.set(sid, data({ user: 'ann' }))
  await attempt('set', login('1'))
  await attempt('set', login('2'))
  // A login that was refused half-way is waited for by one that finds no place.
  if (failed.set === undefined) await attempt('evict', login('3'))
  await attempt('findBy', store.findBy('ann'))
  await attempt('destroy', store.destroy('3'))
  await attempt('reindex', store.reindex())
  await attempt('destroyBy', store.destroyBy('ann'))
  await attempt('clear', store.clear())
  return failed
}

/** What fails of all that a store may do, the probe of its breaker included. */
async function failures(store: SolidisStore): Promise<Record<string, Error>> {
  const failed: Record<string, Error> = {}
  const attempt = (name: string, promise: Promise<unknown>) =>
    promise.catch((error) => {
      failed[name] = error
    })
  await attempt('set', store.set('1', data()))
  const loaded = ((await attempt('get', store.get('1'))) ?? data()) as Data
  await attempt('save', store.set('1', Object.assign(loaded, { views: 1 })))
  await attempt('touch', store.touch('1', data()))
  await attempt(
    'update',
    store.update('1', (session) => Object.assign(session, { views: 2 })),
  )
  await attempt('exists', store.exists('1'))
  await attempt('ids', store.ids())
  await attempt('all', store.all())
  await attempt('clear', store.clear())
  await attempt('destroy', store.destroy('1'))
  await attempt('probe', ask(store.client, 'ECHO', 'nonce'))
  return failed
}
