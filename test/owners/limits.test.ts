import { expect } from 'chai'
import type { SessionData } from 'express-session'
import type { Command, SolidisLike } from '../../lib/index.ts'
import { ADD } from '../../lib/owners/scripts.ts'
import { runChild } from '../support/child.ts'
import { ENCRYPTED } from '../support/encrypted.ts'
import { redisUrl } from '../support/redis.ts'
import { ask, type Data, data, expireAt, ONE_HOUR_MS, open, save } from '../support/requests.ts'
import { SID, useStores } from '../support/two-sessions.ts'

const indexBy = (session: SessionData) => (session as Data).user as string | undefined
const AT_ONCE = 32
const LIMIT = 3

/** Lets 16 users log in at a moment, in a process of its own, and tells what became of each. */
const loginsOf = (name: string, prefix: string, whenFull: string, at: number) => `
  import { createClient } from 'redis'
  import { fromNodeRedis } from '${new URL('../../lib/index.js', import.meta.url).href}'
  const client = await createClient({ url: '${redisUrl()}' }).on('error', () => {}).connect()
  const store = new SolidisStore({
    client: fromNodeRedis(client), prefix: '${prefix}', indexBy: ({ user }) => user,
    maxSessions: { limit: ${LIMIT}, whenFull: '${whenFull}' },
    ...${JSON.stringify(ENCRYPTED)},
  })
  const cookie = { originalMaxAge: ${ONE_HOUR_MS}, expires: new Date(Date.now() + ${ONE_HOUR_MS}) }
  await new Promise((now) => setTimeout(now, Math.max(${at} - Date.now(), 0)))
  const logins = Array.from({ length: ${AT_ONCE / 2} }, (_, i) =>
    store.set('${name}' + i, { cookie, user: 'ann' }).then(() => 'in', ({ code }) => code))
  console.log(JSON.stringify(await Promise.all(logins)))
  client.destroy()`

describe('maxSessions, over two processes', function () {
  this.timeout(30_000)
  const { client, makeStore } = useStores()

  for (const whenFull of ['evict', 'reject']) {
    it(`is never exceeded by ${AT_ONCE} logins at the same moment (${whenFull})`, async () => {
      const { prefix } = makeStore()
      const at = Date.now() + 2000
      const running = Promise.all(
        ['one', 'two'].map((name) => runChild(loginsOf(name, prefix, whenFull, at))),
      )
      let isOver = false
      const counts: number[] = []
      const keys = ['one', 'two'].flatMap((name) =>
        Array.from({ length: AT_ONCE / 2 }, (_, i) => `${prefix}${name}${i}`),
      )
      // All at one moment, which a walk is not.
      const counting = async () => {
        while (!isOver) counts.push(Number(await ask(client, 'EXISTS', ...keys)))
      }
      const counted = counting()
      const outcomes = (await running).flatMap((printed) => JSON.parse(printed) as string[])
      isOver = true
      await counted
      expect(Math.max(...counts)).to.be.at.most(LIMIT)
      expect(await makeStore({ prefix }).length()).to.equal(LIMIT)
      expect(await makeStore({ prefix, indexBy }).findBy('ann')).to.have.length(LIMIT)
      const refused = outcomes.filter((outcome) => outcome === 'ETOOMANYSESSIONS')
      expect(outcomes.filter((outcome) => outcome === 'in')).to.have.length(
        whenFull === 'evict' ? AT_ONCE : LIMIT,
      )
      expect(refused).to.have.length(whenFull === 'evict' ? 0 : AT_ONCE - LIMIT)
    })
  }

  it('lets in another where the one before was never written', async () => {
    const options = { indexBy, maxSessions: { limit: 1, whenFull: 'reject' as const } }
    const dead: SolidisLike = {
      send: (commands) => (isOf(commands, 'SET') ? new Promise(() => {}) : client.send(commands)),
    }
    const store = makeStore({ ...options, client: dead, timeout: 100 })
    await store.set('lost', data({ user: 'ann' })).catch(() => {})
    const other = makeStore({ ...options, prefix: store.prefix })
    const login = (): Promise<void> =>
      other.set('other', data({ user: 'ann' })).catch(() => login())
    await login()
    expect((await other.findBy('ann')).map(({ sid }) => sid)).to.deep.equal(['other'])
  })

  function isOf(commands: Command[], name: string): boolean {
    return commands.some((command) => command.includes('any') && name === 'SET')
  }
})

describe('a rolling session', () => {
  const { client, makeStore, life } = useStores()
  const score = async (prefix: string) =>
    Number(await ask(client, 'ZSCORE', `by:${prefix}ann`, SID))

  it('stays in the set of its owner, where its entry is moved seldom', async () => {
    let adds = 0
    const counting: SolidisLike = {
      send(commands) {
        adds += commands.filter(([, script]) => script === ADD.sha1).length
        return client.send(commands)
      },
    }
    const store = makeStore({ client: counting, indexBy })
    await store.set(SID, data({ user: 'ann' }))
    expect(adds).to.equal(1)
    // A day of touches, a minute apart, in no time: each is of a session that expires a minute later.
    for (let minutes = 1; minutes <= 24 * 60; minutes++) {
      const session = await open(store, SID)
      expireAt(session, Date.now() + ONE_HOUR_MS + minutes * 60_000)
      await store.touch(SID, session)
      if (minutes % 60 === 0) {
        expect(await score(store.prefix)).to.be.above(Date.now() + (await life()))
      }
    }
    expect(adds).to.be.below(400)
  })

  it('costs not one more command to touch or to save, without need', async () => {
    const sent: unknown[][] = []
    const noting = (options: object) => {
      const commands: unknown[] = []
      sent.push(commands)
      const noted: SolidisLike = {
        send(all) {
          commands.push(
            ...all.map(([name, script]) => [name, String(name).startsWith('EVAL') ? script : '']),
          )
          return client.send(all)
        },
      }
      return makeStore({ client: noted, ...options })
    }
    // The first teaches the server the scripts.
    for (const [i, store] of [noting({}), noting({}), noting({ indexBy })].entries()) {
      await makeStore({ prefix: store.prefix, indexBy }).set(SID, data({ user: 'ann' }))
      await store.destroy('nobody')
      sent[i]?.splice(0)
      const session = await open(store, SID)
      await store.touch(SID, session)
      await save(Object.assign(session, { page: 1 }))
      await store.get(SID)
    }
    expect(sent[2]).to.deep.equal(sent[1])
  })
})
