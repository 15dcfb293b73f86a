import { setImmediate as turn } from 'node:timers/promises'
import { expect } from 'chai'
import type { SessionData } from 'express-session'
import sinon from 'sinon'
import { RedisError, type SolidisLike, type SolidisStoreOptions } from '../../lib/index.ts'
import { expireCalls, type Fault, FaultyClient, UNKNOWN } from '../support/faults.ts'
import { withNative, withoutNative } from '../support/native.ts'
import {
  attributesOf,
  type Data,
  data,
  open,
  type RequestSession,
  save,
} from '../support/requests.ts'
import { isRead } from '../support/scripts.ts'
import { SERIALIZERS } from '../support/serializers.ts'
import { add, POLICIES, SID, useStores } from '../support/two-sessions.ts'

for (const [how, serverOf] of [
  ['a script', withoutNative],
  ['the server itself', withNative],
] as const) {
  describe(`after a write by ${how} of which nobody knows the outcome`, () => {
    const { client, makeStore } = useStores()
    let clock: sinon.SinonFakeTimers

    beforeEach(() => {
      clock = sinon.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    })
    afterEach(() => clock.restore())

    async function setUp(attributes: object, options: Partial<SolidisStoreOptions> = {}) {
      const faulty = new FaultyClient(client)
      const store = makeStore({ client: serverOf(faulty), timeout: 5000, ...options })
      const other = makeStore({ ...options, onConflict: 'merge' })
      await other.set(SID, data({ ...attributes }))
      // From here on the server knows the script.
      await other.update(SID, add)
      const inRedis = async () => {
        const session = await other.get(SID)
        if (session === null) return null
        const { count, ...others } = attributesOf(session)
        return others
      }
      const tell = async (fault: Fault, write: Promise<unknown>) => {
        const outcome = write.then(
          () => expect.fail('should have failed'),
          (error) => error,
        )
        // Whatever is under way gets as far as it can.
        while (faulty.faults.length > 0) await turn()
        await inRedis()
        if (fault.includes('never')) await expireCalls(clock)
        expect(await outcome).to.be.an.instanceof(RedisError)
      }
      const failToSave = (fault: Fault, session: RequestSession) => {
        faulty.faults.push(fault)
        return tell(fault, save(session))
      }
      return { faulty, store, other, inRedis, failToSave }
    }

    for (const [policy, onConflict] of POLICIES) {
      for (const [kind, makeSerializer] of SERIALIZERS) {
        describe(`with ${policy} and ${kind}`, () => {
          const serializer = makeSerializer()

          for (const fault of UNKNOWN) {
            it(`that ${fault}: a rollback is written`, async () => {
              const { store, inRedis, failToSave } = await setUp(
                { a: 1 },
                { onConflict, serializer },
              )
              const ours = await open(store, SID)
              await failToSave(fault, Object.assign(ours, { role: 'admin', a: 2 }))
              delete ours.role
              ours.a = 1
              await save(ours)
              expect(await inRedis()).to.deep.equal({ a: 1 })
            })

            it(`that ${fault}: the same is written, once more, and then undone`, async () => {
              const { store, inRedis, failToSave } = await setUp(
                { a: 1 },
                { onConflict, serializer },
              )
              const ours = await open(store, SID)
              await failToSave(fault, Object.assign(ours, { a: 2 }))
              await save(ours)
              expect(await inRedis()).to.deep.equal({ a: 2 })
              await save(Object.assign(ours, { a: 1 }))
              expect(await inRedis()).to.deep.equal({ a: 1 })
            })

            it(`that ${fault}: so does the rollback, and the next try is written`, async () => {
              const { store, inRedis, failToSave } = await setUp(
                { a: 1 },
                { onConflict, serializer },
              )
              const ours = await open(store, SID)
              await failToSave(fault, Object.assign(ours, { a: 2, b: 2 }))
              delete ours.b
              await failToSave(fault, Object.assign(ours, { a: 1, c: 3 }))
              delete ours.c
              await save(ours)
              expect(await inRedis()).to.deep.equal({ a: 1 })
            })

            it(`that ${fault}: of a new session, what was put into it can be taken out`, async () => {
              const { store, inRedis, failToSave } = await setUp({}, { onConflict, serializer })
              await store.destroy(SID)
              const req = { sessionID: SID, sessionStore: store }
              const ours = store.createSession(req as never, data({ a: 1 })) as RequestSession
              await failToSave(fault, Object.assign(ours, { role: 'admin' }))
              delete ours.role
              await save(Object.assign(ours, { b: 2 }))
              expect(await inRedis()).to.deep.equal({ a: 1, b: 2 })
            })

            it(`that ${fault}: what was destroyed since stays gone`, async () => {
              const { store, other, inRedis, failToSave } = await setUp(
                { a: 1 },
                { onConflict, serializer },
              )
              const ours = await open(store, SID)
              await failToSave(fault, Object.assign(ours, { a: 2 }))
              await other.destroy(SID)
              await save(Object.assign(ours, { a: 3 }))
              expect(await inRedis()).to.equal(null)
            })
          }

          it('that has arrived twice, nothing is a conflict', async () => {
            const { faulty, store, inRedis } = await setUp({ a: 1 }, { onConflict, serializer })
            const ours = await open(store, SID)
            for (const a of [2, 3, 1]) {
              faulty.faults.push('arrives twice')
              await save(Object.assign(ours, { a }))
              expect(await inRedis()).to.deep.equal({ a })
            }
          })
        })
      }
    }

    for (const fault of UNKNOWN) {
      it(`that ${fault}: changes are merged with those that others made since`, async () => {
        const { store, other, inRedis, failToSave } = await setUp({ a: 1, b: 1, c: 1 })
        const ours = await open(store, SID)
        await failToSave(fault, Object.assign(ours, { a: 2, role: 'admin' }))
        await other.update(SID, (session) => void Object.assign(session, { b: 2 }))
        delete ours.role
        await save(Object.assign(ours, { c: 3 }))
        expect(await inRedis()).to.deep.equal({ a: 2, b: 2, c: 3 })
      })

      it(`that ${fault}: so are those of a cookie`, async () => {
        const { store, other, failToSave } = await setUp({})
        const ours = await open(store, SID)
        ours.cookie.path = '/admin'
        await failToSave(fault, ours)
        await other.update(SID, ({ cookie }) => void Object.assign(cookie, { domain: 'theirs' }))
        ours.cookie.path = '/'
        await save(ours)
        expect((await other.get(SID))?.cookie).to.include({ path: '/', domain: 'theirs' })
      })
    }

    it('many times over, a rollback is written', async () => {
      const { store, inRedis, failToSave } = await setUp({ a: 0 })
      const ours = await open(store, SID)
      for (let a = 1; a <= 20; a++) {
        const fault = UNKNOWN[a % 2] as Fault
        await failToSave(fault, Object.assign(ours, { a, [`n${a}`]: 1 }))
        delete ours[`n${a}`]
      }
      await save(Object.assign(ours, { a: 0 }))
      expect(await inRedis()).to.deep.equal({ a: 0 })
    })

    it('many times over, in an outage, all is written by the next one', async () => {
      const { store, inRedis, failToSave } = await setUp({ a: 0 }, { onConflict: 'reject' })
      const ours = await open(store, SID)
      await failToSave('is lost', Object.assign(ours, { b: 1 }))
      for (let a = 1; a <= 20; a++) await failToSave('is lost', Object.assign(ours, { a }))
      await save(ours)
      expect(await inRedis()).to.deep.equal({ a: 20, b: 1 })
    })

    it('of which several waited for one that failed, none fails with it', async () => {
      const { store, inRedis, faulty } = await setUp({ a: 1 })
      const sessions = await Promise.all([1, 2, 3].map(() => open(store, SID)))
      faulty.faults.push('is applied, but its answer is lost')
      const saves = sessions.map((session, i) => save(Object.assign(session, { [`n${i}`]: i })))
      const outcomes = await Promise.allSettled(saves)
      expect(outcomes.map(({ status }) => status)).to.deep.equal([
        ...['rejected', 'fulfilled', 'fulfilled'],
      ])
      expect(await inRedis()).to.deep.equal({ a: 1, n0: 0, n1: 1, n2: 2 })
    })

    it('that a client sent twice, and then not again, nothing is a conflict', async () => {
      let sent = 0
      const twice: SolidisLike = {
        async send(commands) {
          if (commands.every(isRead) || sent > 1) return client.send(commands)
          if (++sent > 1) throw Object.assign(new Error('closed'), { code: 'ENOTCONN' })
          // It was carried out; the second time, the server had lost its scripts.
          await client.send(commands)
          return [[new Error('NOSCRIPT No matching script. Please use EVAL.')]]
        },
      }
      const { inRedis, other } = await setUp({ a: 1 })
      const store = makeStore({ client: withoutNative(twice), onConflict: 'reject' })
      const session = (await store.get(SID)) as Data
      session.a = 2
      const error = await store.set(SID, session).catch((reason) => reason)
      expect(error).to.include({ code: 'ENOTCONN' })
      expect(((await other.get(SID)) as Data).a).to.equal(2)
      session.a = 3
      await store.set(SID, session)
      expect(await inRedis()).to.deep.equal({ a: 3 })
    })

    describe('update', () => {
      for (const async of [false, true]) {
        it(`counts once where its command arrives twice (${async ? 'async' : 'sync'})`, async () => {
          const { faulty, store, other } = await setUp({})
          const change = async ? async (session: SessionData) => turn(add(session)) : add
          for (const count of [2, 3, 4]) {
            faulty.faults.push('arrives twice')
            expect(await store.update(SID, change)).to.include({ count })
          }
          expect(((await other.get(SID)) as Data).count).to.equal(4)
        })
      }

      it('does not hold up what comes after it', async () => {
        const { faulty, store, other } = await setUp({})
        faulty.faults.push('is never answered')
        const failed = store.update(SID, add).catch((error) => error)
        const next = store.update(SID, add)
        while (faulty.faults.length > 0) await turn()
        await clock.tickAsync(0)
        await expireCalls(clock, 4999)
        const late = store.update(SID, add)
        await expireCalls(clock, 1)
        expect(await failed).to.include({ code: 'ETIMEDOUT' })
        await next.catch(() => {})
        expect(await late).to.not.equal(null)
        expect(((await other.get(SID)) as Data).count).to.equal(2)
      })
    })
  })
}
