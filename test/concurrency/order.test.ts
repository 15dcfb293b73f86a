import { setImmediate as turn } from 'node:timers/promises'
import { expect } from 'chai'
import type { SessionData } from 'express-session'
import fc from 'fast-check'
import type { SolidisLike, SolidisStore } from '../../lib/index.ts'
import { Gate } from '../support/gate.ts'
import { withoutNative } from '../support/native.ts'
import {
  ask,
  attributesOf,
  type Data,
  data,
  expireAt,
  ONE_HOUR_MS,
  open,
  save,
} from '../support/requests.ts'
import { asCommand } from '../support/scripts.ts'
import { overtakingSerializer, SERIALIZERS } from '../support/serializers.ts'
import { add, POLICIES, SID, useStores } from '../support/two-sessions.ts'

const attributesIn = async (store: SolidisStore, sid = SID) => {
  const session = await store.get(sid)
  return session === null ? null : attributesOf(session)
}

for (const [name, makeSerializer] of SERIALIZERS) {
  describe(`the calls of one session, with ${name}`, () => {
    const { client, key, makeStore, twoSessions, life } = useStores()

    for (const [policy, onConflict] of POLICIES) {
      it(`end as the last of two saves has it (${policy})`, async () => {
        const { store, ours } = await twoSessions(
          { v: 0 },
          { onConflict, serializer: makeSerializer() },
        )
        const first = save(Object.assign(ours, { v: 1, upload: 'x' }))
        await Promise.all([first, save(Object.assign(ours, { v: 2, upload: 'done' }))])
        expect(await attributesIn(store)).to.deep.equal({ v: 2, upload: 'done' })
      })

      it(`end as the last of two saves of a new session has it (${policy})`, async () => {
        const store = makeStore({ onConflict, serializer: makeSerializer() })
        const req = { sessionID: SID, sessionStore: store }
        const ours = store.createSession(req as never, data()) as unknown as Data
        const saves = [store.set(SID, Object.assign(ours, { user: 'ann', flash: 'hello' }))]
        delete ours.flash
        saves.push(store.set(SID, ours))
        await Promise.all(saves)
        expect(await attributesIn(store)).to.deep.equal({ user: 'ann' })
        await store.set(SID, Object.assign(ours, { third: 3 }))
        expect(await attributesIn(store)).to.deep.equal({ user: 'ann', third: 3 })
      })

      it(`write a new session as it was put last, three times over (${policy})`, async () => {
        const store = makeStore({ onConflict, serializer: makeSerializer() })
        const req = { sessionID: SID, sessionStore: store }
        const ours = store.createSession(req as never, data()) as unknown as Data
        await Promise.all([1, 2, 3].map((v) => store.set(SID, Object.assign(ours, { v }))))
        expect(await attributesIn(store)).to.deep.equal({ v: 3 })
        await store.set(SID, Object.assign(ours, { v: 1 }))
        expect(await attributesIn(store)).to.deep.equal({ v: 1 })
      })
    }

    it('leave plain objects as the last one was put', async () => {
      const store = makeStore({ serializer: makeSerializer() })
      await Promise.all([1, 2, 3].map((v) => store.set(SID, data({ v }))))
      expect(await attributesIn(store)).to.deep.equal({ v: 3 })
    })

    it('let destroy follow a save, and nothing come back', async () => {
      const { store, ours } = await twoSessions({ v: 0 }, { serializer: makeSerializer() })
      await Promise.all([save(Object.assign(ours, { v: 1 })), store.destroy(SID)])
      expect(await ask(client, 'EXISTS', key())).to.equal(0)
      await Promise.all([store.set(SID, data()), store.destroy(SID)])
      expect(await ask(client, 'EXISTS', key())).to.equal(0)
    })

    it('let a set follow a destroy', async () => {
      const { store } = await twoSessions({ v: 0 }, { serializer: makeSerializer() })
      await Promise.all([store.destroy(SID), store.set(SID, data({ v: 1 }))])
      expect(await attributesIn(store)).to.deep.equal({ v: 1 })
    })

    it('let a get see the save before it', async () => {
      const { store, ours } = await twoSessions({ v: 0 }, { serializer: makeSerializer() })
      for (let v = 1; v <= 10; v++) {
        const saved = save(Object.assign(ours, { v }))
        expect(await attributesIn(store)).to.deep.equal({ v })
        await saved
      }
    })

    it('let a get see the second save of two, and exists a destroy', async () => {
      const { store, ours } = await twoSessions({ v: 0 }, { serializer: makeSerializer() })
      const saves = [1, 2].map((v) => save(Object.assign(ours, { v })))
      expect(await attributesIn(store)).to.deep.equal({ v: 2 })
      const destroyed = store.destroy(SID)
      expect(await store.exists(SID)).to.equal(false)
      await Promise.all([...saves, destroyed])
    })

    it('let a touch follow the save before it', async () => {
      const serializer = makeSerializer()
      const { store, theirs, ours } = await twoSessions({ v: 0 }, { serializer })
      expireAt(ours, Date.now() + 5 * ONE_HOUR_MS)
      const saved = save(Object.assign(ours, { v: 1 }))
      expireAt(theirs, Date.now() + 9 * ONE_HOUR_MS)
      await Promise.all([saved, store.touch(SID, theirs)])
      expect(await life()).to.be.above(8 * ONE_HOUR_MS)
      expect(await attributesIn(store)).to.deep.equal({ v: 1 })
    })

    it('let an update see the save before it, and a save the update', async () => {
      const { store, ours } = await twoSessions({ v: 0 }, { serializer: makeSerializer() })
      const saved = save(Object.assign(ours, { v: 1 }))
      const updated = store.update(SID, (session) => {
        Object.assign(session, { seen: (session as Data).v })
      })
      const again = save(Object.assign(ours, { v: 2 }))
      await Promise.all([saved, updated, again])
      expect(await attributesIn(store)).to.deep.equal({ v: 2, seen: 1 })
    })

    it('keep their order by callback, too', async () => {
      const { store, ours } = await twoSessions({ v: 0 }, { serializer: makeSerializer() })
      const ended: string[] = []
      await new Promise<void>((resolve) => {
        store.set(SID, Object.assign(ours, { v: 1 }), () => ended.push('set'))
        store.update(SID, add, () => ended.push('update'))
        store.destroy(SID, () => ended.push('destroy'))
        store.set(SID, data({ v: 2 }), () => ended.push('set'))
        store.get(SID, (_error, session) => {
          ended.push(`get ${(session as Data).v}`)
          resolve()
        })
      })
      expect(ended).to.deep.equal(['set', 'update', 'destroy', 'set', 'get 2'])
    })

    it('are not held up by those of other sessions', async () => {
      const gate = new Gate()
      const store = makeStore({ client: gate.wrap(client), serializer: makeSerializer() })
      await store.set('other', data({ v: 1 }))
      gate.close()
      const stuck = store.set(SID, data())
      await gate.holds(1)
      const quick = attributesIn(store, 'other')
      await gate.holds(2)
      await gate.pass(1)
      expect(await quick).to.deep.equal({ v: 1 })
      await Promise.all([gate.open(), stuck])
    })
  })
}

describe('any calls of one session, none of which is waited for', () => {
  const { client, makeStore } = useStores()

  type Call = ['set' | 'save' | 'update' | 'get' | 'destroy' | 'touch' | 'exists']
  const kinds = ['set', 'save', 'save', 'update', 'get', 'destroy', 'touch', 'exists'] as const
  const call = fc.constantFrom(...kinds).map((kind): Call => [kind])

  /** What comes of them one after the other: the value of `v` after each, or null. */
  function expected(calls: Call[]): (number | null)[] {
    let v: number | null = 0
    return calls.map(([kind], i) => {
      if (kind === 'set') v = i + 1
      else if (kind === 'destroy') v = null
      else if (v !== null && (kind === 'save' || kind === 'update')) v = i + 1
      return v
    })
  }

  for (const [name, makeSerializer] of SERIALIZERS) {
    it(`end as if each had waited for the one before, with ${name}`, async () => {
      let sids = 0
      await fc.assert(
        fc.asyncProperty(fc.array(call, { minLength: 2, maxLength: 8 }), async (calls) => {
          const sid = String(sids++)
          const store = makeStore({ serializer: makeSerializer() })
          await store.set(sid, data({ v: 0 }))
          const session = await open(store, sid)
          const states = expected(calls)
          await Promise.all(
            calls.map(async ([kind], i) => {
              const v = i + 1
              // A read may see what was asked for after it, too.
              const later = states.slice(i)
              if (kind === 'set') await store.set(sid, data({ v }))
              if (kind === 'save') await store.set(sid, Object.assign(session, { v }))
              if (kind === 'update') await store.update(sid, (s) => void Object.assign(s, { v }))
              if (kind === 'destroy') await store.destroy(sid)
              if (kind === 'touch') await store.touch(sid, session)
              if (kind === 'exists') {
                expect(later.map((state) => state !== null)).to.include(await store.exists(sid))
              }
              if (kind === 'get') {
                const seen = (await store.get(sid)) as Data | null
                expect(later).to.include(seen === null ? null : (seen.v as number))
              }
            }),
          )
          const final = (await store.get(sid)) as Data | null
          expect(final === null ? null : final.v).to.equal(states.at(-1))
          await ask(client, 'DEL', store.prefix + sid)
        }),
        { numRuns: 100 },
      )
    })
  }
})

describe('a slow serializer', () => {
  const { client, makeStore, twoSessions } = useStores()

  /** Notes of each write when it is sent, and how long the session is to live from then on. */
  function noting(): SolidisLike & { lives: { at: number; ttlMs: number }[] } {
    const lives: { at: number; ttlMs: number }[] = []
    return {
      lives,
      send(commands) {
        for (const command of commands) {
          const [name, ...args] = asCommand(command.map(String))
          const ttlMs = Number(name === 'SET' ? args[3] : args[5])
          if (name === 'SET' || name === 'EVALSHA') lives.push({ at: Date.now(), ttlMs })
        }
        return client.send(commands)
      },
    }
  }

  const serializer = {
    parse: (text: string) => JSON.parse(text) as SessionData,
    async stringify(session: SessionData) {
      const text = JSON.stringify(session)
      const end = Date.now() + 50
      while (Date.now() < end) await turn()
      return text
    },
  }

  it('lets no key outlive its cookie', async () => {
    const noted = noting()
    const store = makeStore({ client: withoutNative(noted), serializer })
    const session = data()
    const expires = Date.now() + ONE_HOUR_MS
    session.cookie.expires = new Date(expires)
    await store.set(SID, session)
    const loaded = (await store.get(SID)) as Data
    loaded.cookie.expires = new Date(expires + 1000)
    await store.set(SID, Object.assign(loaded, { a: 1 }))
    expect(noted.lives).to.have.length(2)
    for (const [i, { at, ttlMs }] of noted.lives.entries()) {
      expect(at + ttlMs).to.be.at.most(expires + 1000 * i + 1)
    }
  })

  it('does not write what was asked for before a destroy of another kind', async () => {
    const { store, ours } = await twoSessions({ a: 1 }, { serializer: overtakingSerializer() })
    const saved = save(Object.assign(ours, { a: 2 }))
    expireAt(ours, Date.now() - 1000)
    await Promise.all([saved, save(ours)])
    expect(await store.exists(SID)).to.equal(false)
  })
})
