import { setImmediate as turn } from 'node:timers/promises'
import { expect } from 'chai'
import type { SessionData } from 'express-session'
import sinon from 'sinon'
import {
  InvalidSessionError,
  RedisError,
  SessionConflictError,
  type SolidisLike,
  SolidisStore,
  type SolidisStoreOptions,
} from '../../lib/index.ts'
import { clientKinds, mainKind, type TestClient } from '../support/clients.ts'
import { Gate, recording } from '../support/gate.ts'
import { freshPrefix } from '../support/redis.ts'
import {
  ask,
  attributesOf,
  type Data,
  data,
  destroy,
  equip,
  expireAt,
  ONE_HOUR_MS,
  open,
  regenerate,
  reload,
  request,
  save,
  sessionOf,
  stored,
  touch,
} from '../support/requests.ts'

type StoreOptions = Partial<SolidisStoreOptions>

const SID = 'the sid'

let test: TestClient
let client: SolidisLike
let prefix: string

function makeStore(options: StoreOptions = {}): SolidisStore {
  return new SolidisStore({ client, prefix, timeout: 0, ...options })
}

/** Two stores, as two processes have them, and a session that both know. */
async function twoStores(attributes: object, options: StoreOptions = {}) {
  const stores = [makeStore(options), makeStore(options)] as const
  await stores[0].set(SID, data({ ...attributes }))
  return stores
}

/** One store and two requests that have loaded its only session. */
async function twoSessions(attributes: object, options: StoreOptions = {}) {
  const store = makeStore(options)
  await store.set(SID, data({ ...attributes }))
  return { store, theirs: await open(store, SID), ours: await open(store, SID) }
}

async function failureOf(promise: Promise<unknown>): Promise<Error & { sid?: unknown }> {
  return promise.then(
    () => expect.fail('should have failed'),
    (error) => error,
  )
}

/** Collects what an event says, from now on. */
function heard<T>(store: SolidisStore, event: string): T[] {
  const said: T[] = []
  store.on(event, (what: T) => said.push(what))
  return said
}

const key = () => prefix + SID

function usingClient(kind = mainKind): void {
  before(async () => {
    test = await kind.connect()
  })

  after(() => test.close())

  beforeEach(() => {
    client = test.client
    prefix = freshPrefix()
  })
}

for (const kind of clientKinds) {
  describe(`concurrent requests over ${kind.name}`, () => {
    if (kind.missing !== undefined) {
      it(`cannot be tested: ${kind.missing}`)
      return
    }
    usingClient(kind)

    it('keeps what both changed', async () => {
      const [one, other] = await twoStores({ a: 1, b: 1, gone: 1 })
      const [theirs, ours] = [await open(one, SID), await open(other, SID)]
      Object.assign(theirs, { a: 2, added: 'théirs ✓' })
      delete theirs.gone
      Object.assign(ours, { b: 3, ours: { deep: [1, { two: 2 }] } })
      await save(theirs)
      await save(ours)
      expect(await stored(one, SID)).to.deep.equal({
        ...{ a: 2, b: 3, added: 'théirs ✓', ours: { deep: [1, { two: 2 }] } },
      })
    })

    it('gives an attribute that both changed the value of the later writer', async () => {
      const { store, theirs, ours } = await twoSessions({ a: 1 })
      theirs.a = 'theirs'
      ours.a = 'ours'
      await save(theirs)
      await save(ours)
      expect(await stored(store, SID)).to.deep.equal({ a: 'ours' })
    })

    it('leaves a session gone that was destroyed meanwhile, and tells of it', async () => {
      const [one, other] = await twoStores({ a: 1 })
      const gone = heard(other, 'gone')
      const [theirs, ours] = [await open(one, SID), await open(other, SID)]
      await destroy(theirs)
      ours.a = 2
      await save(ours)
      expect(await stored(one, SID)).to.equal(null)
      expect(gone).to.deep.equal([{ sid: SID }])
      await touch(ours)
      expect(await stored(one, SID)).to.equal(null)
      expect(gone).to.deep.equal([{ sid: SID }, { sid: SID }])
    })

    it('writes on after the server has forgotten the script', async () => {
      const { store, ours } = await twoSessions({ a: 1 })
      ours.a = 2
      await save(ours)
      await ask(client, 'SCRIPT', 'FLUSH')
      ours.b = 3
      await save(ours)
      expect(await stored(store, SID)).to.deep.equal({ a: 2, b: 3 })
    })

    it('rejects with the sid, and writes nothing', async () => {
      const { store, theirs, ours } = await twoSessions({ a: 1 }, { onConflict: 'reject' })
      theirs.a = 2
      await save(theirs)
      ours.b = 3
      const error = await failureOf(save(ours))
      expect(error).to.be.an.instanceof(SessionConflictError)
      expect(error.sid).to.equal(SID)
      expect(await stored(store, SID)).to.deep.equal({ a: 2 })
    })

    it('keeps the changes of 64 writers at once, in one process', async () => {
      const store = makeStore()
      await store.set(SID, data({ base: 1 }))
      const sessions = await Promise.all(Array.from({ length: 64 }, () => open(store, SID)))
      await Promise.all(
        sessions.map((session, i) => save(Object.assign(session, { [`n${i}`]: i }))),
      )
      expect(Object.keys((await stored(store, SID)) as object)).to.have.length(65)
    })

    it('counts every update', async () => {
      const [one, other] = await twoStores({ count: 0 })
      const add = (session: SessionData) => void (session as Data & { count: number }).count++
      await Promise.all([1, 2, 3, 4].flatMap(() => [one.update(SID, add), other.update(SID, add)]))
      expect(await stored(one, SID)).to.deep.equal({ count: 8 })
    })

    it('keeps every byte of what it compares', async () => {
      const { store, ours } = await twoSessions({ a: '\u0000 ☃ 😀 "\\ \ud800' })
      ours.b = 1
      await save(ours)
      expect(await stored(store, SID)).to.deep.equal({ a: '\u0000 ☃ 😀 "\\ \ud800', b: 1 })
    })
  })
}

describe('compare and set', () => {
  usingClient()

  it('costs one command, and one round trip, where nothing has changed', async () => {
    const { ours } = await twoSessions({ a: 1 })
    await save(Object.assign(ours, { a: 2 }))
    const counted = recording(client)
    const store = makeStore({ client: counted })
    const session = await open(store, SID)
    expect(counted.trips.splice(0)).to.have.length(1)
    await save(Object.assign(session, { a: 3 }))
    expect(counted.trips).to.deep.equal([['EVALSHA']])
  })

  it('asks by EVAL once where the server does not know the script', async () => {
    const counted = recording(client)
    const { ours } = await twoSessions({ a: 1 }, { client: counted })
    await ask(client, 'SCRIPT', 'FLUSH')
    counted.trips.length = 0
    await save(Object.assign(ours, { a: 2 }))
    await save(Object.assign(ours, { a: 3 }))
    expect(counted.trips).to.deep.equal([['EVALSHA'], ['EVAL'], ['EVALSHA']])
  })

  it('merges several saves of one request, each from the one before', async () => {
    const [one, other] = await twoStores({ a: 1, b: 1 })
    const ours = await open(one, SID)
    await save(Object.assign(ours, { a: 2 }))
    const theirs = await open(other, SID)
    await save(Object.assign(theirs, { a: 'theirs', theirs: true }))
    await save(Object.assign(ours, { b: 3 }))
    expect(await stored(one, SID)).to.deep.equal({ a: 'theirs', b: 3, theirs: true })
  })

  it('leaves alone, in later saves, what it merged in from others', async () => {
    const { store, theirs, ours } = await twoSessions({ a: 1, b: 1 })
    await save(Object.assign(theirs, { a: 2, new: 'theirs' }))
    await save(Object.assign(ours, { b: 3 }))
    await save(Object.assign(ours, { c: 4 }))
    expect(await stored(store, SID)).to.deep.equal({ a: 2, b: 3, c: 4, new: 'theirs' })
  })

  it('deletes, in a later save, what an earlier one added', async () => {
    const { store, theirs, ours } = await twoSessions({ a: 1 })
    await save(Object.assign(theirs, { b: 2 }))
    await save(Object.assign(ours, { c: 3 }))
    delete ours.c
    await save(ours)
    expect(await stored(store, SID)).to.deep.equal({ a: 1, b: 2 })
  })

  for (const onConflict of ['merge', 'overwrite', 'reject'] as const) {
    it(`${onConflict}: undoes, in a later save, what an earlier one changed`, async () => {
      const { store, ours } = await twoSessions({ a: 1 }, { onConflict })
      await save(Object.assign(ours, { a: 2 }))
      await save(Object.assign(ours, { a: 1 }))
      expect(await stored(store, SID)).to.deep.equal({ a: 1 })
    })

    it(`${onConflict}: undoes it where both saves are under way at once`, async () => {
      const { store, ours } = await twoSessions({ a: 1 }, { onConflict })
      const first = save(Object.assign(ours, { a: 2 }))
      await Promise.all([first, save(Object.assign(ours, { a: 1 }))])
      expect(await stored(store, SID)).to.deep.equal({ a: 1 })
    })
  }

  for (const onConflict of ['merge', 'overwrite', 'reject'] as const) {
    it(`${onConflict}: writes at the second try what failed at the first`, async () => {
      let broken = false
      const flaky: SolidisLike = {
        send: (commands) => (broken ? Promise.reject(new Error('down')) : client.send(commands)),
      }
      const { store, ours } = await twoSessions({ a: 1 }, { onConflict, client: flaky })
      broken = true
      expect(await failureOf(save(Object.assign(ours, { a: 2 })))).to.be.an.instanceof(RedisError)
      broken = false
      await save(ours)
      expect(await stored(store, SID)).to.deep.equal({ a: 2 })
    })
  }

  it('merges two saves of one session at once with the change of another', async () => {
    const [one, other] = await twoStores({ a: 1, b: 1 })
    const ours = await open(one, SID)
    await save(Object.assign(await open(other, SID), { a: 2, b: 2 }))
    const first = save(Object.assign(ours, { a: 3, c: 3 }))
    delete ours.c
    await Promise.all([first, save(Object.assign(ours, { d: 4 }))])
    expect(await stored(one, SID)).to.deep.equal({ a: 3, b: 2, d: 4 })
  })

  it('compares anew after reload', async () => {
    const [one, other] = await twoStores({ a: 1, b: 1 }, { onConflict: 'reject' })
    const req = await request(one, SID)
    await save(Object.assign(await open(other, SID), { a: 2 }))
    Object.assign(sessionOf(req), { b: 'discarded' })
    const ours = await reload(req)
    expect(attributesOf(ours)).to.deep.equal({ a: 2, b: 1 })
    await save(Object.assign(ours, { b: 3 }))
    expect(await stored(one, SID)).to.deep.equal({ a: 2, b: 3 })
  })

  it('writes a regenerated session, under its new id, and leaves the old one gone', async () => {
    const store = equip(makeStore({ onConflict: 'reject' }))
    await store.set(SID, data({ a: 1 }))
    const gone = heard(store, 'gone')
    const slow = await open(store, SID)
    const req = await request(store, SID)
    await regenerate(sessionOf(req))
    const fresh = sessionOf(req)
    expect(fresh.id).to.not.equal(SID)
    await save(Object.assign(fresh, { b: 2 }))
    await save(Object.assign(slow, { a: 3 }))
    expect(await stored(store, fresh.id)).to.deep.equal({ b: 2 })
    expect(await stored(store, SID)).to.equal(null)
    expect(gone).to.deep.equal([{ sid: SID }])
  })

  it('compares a regenerated session from its first save on', async () => {
    const store = equip(makeStore())
    await store.set(SID, data())
    const req = await request(store, SID)
    await regenerate(sessionOf(req))
    const fresh = sessionOf(req)
    await save(Object.assign(fresh, { a: 1 }))
    await store.destroy(fresh.id)
    await save(Object.assign(fresh, { a: 2 }))
    expect(await stored(store, fresh.id)).to.equal(null)
  })

  it('writes a plain object whatever there is', async () => {
    const store = makeStore({ onConflict: 'reject' })
    const plain = data({ a: 1 })
    await store.set(SID, plain)
    await store.set(SID, data({ b: 2 }))
    await store.set(SID, plain)
    expect(await stored(store, SID)).to.deep.equal({ a: 1 })
    await store.destroy(SID)
    await store.set(SID, plain)
    expect(await stored(store, SID)).to.deep.equal({ a: 1 })
  })

  it('compares what get gave, though it never became a Session', async () => {
    const store = makeStore()
    await store.set(SID, data({ a: 1, b: 1 }))
    const [theirs, ours] = [await store.get(SID), await store.get(SID)] as [Data, Data]
    await store.set(SID, Object.assign(theirs, { a: 2 }))
    await store.set(SID, Object.assign(ours, { b: 3 }))
    expect(await stored(store, SID)).to.deep.equal({ a: 2, b: 3 })
    await store.destroy(SID)
    await store.set(SID, ours)
    expect(await stored(store, SID)).to.equal(null)
  })

  it('writes on where ttl decides and the date in the cookie is none', async () => {
    const { store, ours } = await twoSessions({ a: 1 }, { ttl: () => 60 })
    expireAt(ours, Number.NaN)
    await save(Object.assign(ours, { a: 2 }))
    await save(Object.assign(ours, { a: 3 }))
    expect(await stored(store, SID)).to.deep.equal({ a: 3 })
  })

  it('compares what load gave', async () => {
    const store = makeStore()
    await store.set(SID, data({ a: 1 }))
    const session = await new Promise<Data>((resolve, reject) => {
      store.load(SID, (error, loaded) => (error ? reject(error) : resolve(loaded as Data)))
    })
    await store.destroy(SID)
    await store.set(SID, Object.assign(session, { a: 2 }))
    expect(await stored(store, SID)).to.equal(null)
  })

  it('writes under another id unconditionally', async () => {
    const { store, ours } = await twoSessions({ a: 1 })
    await store.set('another', ours)
    expect(await stored(store, 'another')).to.deep.equal({ a: 1 })
  })

  it('goes on comparing under its own id after a save under another', async () => {
    const { store, ours } = await twoSessions({ a: 1 })
    await store.set('another', ours)
    await store.destroy(SID)
    await save(Object.assign(ours, { a: 2 }))
    expect(await stored(store, SID)).to.equal(null)
  })

  it('goes on comparing after a save into another store', async () => {
    const { store, ours } = await twoSessions({ a: 1 })
    await makeStore({ prefix: freshPrefix() }).set(SID, ours)
    await store.destroy(SID)
    await save(Object.assign(ours, { a: 2 }))
    expect(await stored(store, SID)).to.equal(null)
  })

  it('writes what it wrote into another store or under another id before', async () => {
    const { store, ours } = await twoSessions({ a: 1, b: 1 })
    const elsewhere = makeStore({ prefix: freshPrefix() })
    await elsewhere.set(SID, Object.assign(ours, { a: 2 }))
    expect(await stored(elsewhere, SID)).to.deep.equal({ a: 2, b: 1 })
    await store.set('another', Object.assign(ours, { b: 2 }))
    await save(ours)
    expect(await stored(store, SID)).to.deep.equal({ a: 2, b: 2 })
  })

  it('survives a save under another id while one is under way', async () => {
    const gate = new Gate()
    const { store, theirs, ours } = await twoSessions({ a: 1, b: 1 }, { client: gate.wrap(client) })
    gate.close()
    const first = save(Object.assign(theirs, { a: 2 }))
    await gate.holds(1)
    const second = save(Object.assign(ours, { b: 3 }))
    const elsewhere = store.set('another', ours)
    await gate.holds(2)
    await gate.pass(gate.held.findIndex(({ commands }) => commands[0]?.[0] === 'SET'))
    await elsewhere
    await gate.open()
    await Promise.all([first, second])
    expect(await stored(store, SID)).to.deep.equal({ a: 2, b: 3 })
  })

  it('holds no session that nobody else holds', async () => {
    const { default: v8 } = await import('node:v8')
    const { default: vm } = await import('node:vm')
    v8.setFlagsFromString('--expose-gc')
    const collectGarbage = vm.runInNewContext('gc') as () => void
    const store = makeStore()
    await store.set(SID, data({ a: 0 }))
    const sessions: WeakRef<object>[] = []
    for (let i = 1; i <= 100; i++) {
      const session = await open(store, SID)
      await save(Object.assign(session, { a: i }))
      sessions.push(new WeakRef(session))
    }
    await turn()
    collectGarbage()
    const held = sessions.filter((session) => session.deref() !== undefined)
    expect(held.length).to.be.below(50)
  })

  it('merges the cookie, of whose dates the later one stands', async () => {
    const { store, theirs, ours } = await twoSessions({ a: 1 })
    theirs.cookie.httpOnly = false
    expireAt(theirs, Date.now() + 9 * ONE_HOUR_MS)
    await save(Object.assign(theirs, { b: 2 }))
    expireAt(ours, Date.now() + 5 * ONE_HOUR_MS)
    await save(Object.assign(ours, { c: 3 }))
    const { cookie } = (await store.get(SID)) as SessionData
    expect(cookie.httpOnly).to.equal(false)
    expect(Number(await ask(client, 'PTTL', key()))).to.be.closeTo(5 * ONE_HOUR_MS, ONE_HOUR_MS)
  })

  it('lets a session that never expires do so still after a merge', async () => {
    const { store, theirs, ours } = await twoSessions({ a: 1 }, { disableTTL: true })
    await save(Object.assign(theirs, { b: 2 }))
    await save(Object.assign(ours, { c: 3 }))
    expect(await ask(client, 'PTTL', key())).to.equal(-1)
    expect(await stored(store, SID)).to.deep.equal({ a: 1, b: 2, c: 3 })
  })

  it('reports what Redis refuses, and writes what it refused at the next try', async () => {
    let refusal: Error | undefined = new Error('OOM command not allowed')
    const refusing: SolidisLike = {
      send: async (commands) =>
        refusal && commands[0]?.[0] === 'EVALSHA' ? [[refusal]] : client.send(commands),
    }
    const { store, ours } = await twoSessions({ a: 1 }, { client: refusing })
    const error = await failureOf(save(Object.assign(ours, { a: 2 })))
    expect(error).to.be.an.instanceof(RedisError)
    expect((error as RedisError).code).to.equal('OOM')
    expect(await stored(store, SID)).to.deep.equal({ a: 1 })
    refusal = undefined
    await save(ours)
    expect(await stored(store, SID)).to.deep.equal({ a: 2 })
  })

  for (const onConflict of ['merge', 'overwrite', 'reject'] as const) {
    it(`${onConflict}: overwrites nothing that is no text, and tells of it`, async () => {
      const { store, ours } = await twoSessions({ a: 1 }, { onConflict })
      const invalid = heard<{ sid: string; error: RedisError }>(store, 'invalid')
      await store.destroy(SID)
      await ask(client, 'RPUSH', key(), 'no session')
      await save(Object.assign(ours, { a: 2 }))
      expect(await store.update(SID, (session) => void Object.assign(session, { a: 3 }))).to.equal(
        null,
      )
      expect(invalid.map(({ sid, error }) => [sid, error.code])).to.deep.equal([
        [SID, 'WRONGTYPE'],
        [SID, 'WRONGTYPE'],
      ])
      expect(await ask(client, 'LLEN', key())).to.equal(1)
    })
  }

  for (const corrupt of ['{', '"text"', 'null', '{"no":"cookie"}']) {
    it(`overwrites nothing where another has put ${corrupt}, and tells of it`, async () => {
      const { store, theirs, ours } = await twoSessions({ a: 1 })
      const invalid = heard<{ sid: string; error: Error }>(store, 'invalid')
      await ask(client, 'SET', key(), corrupt)
      await Promise.all([
        save(Object.assign(theirs, { a: 2 })),
        save(Object.assign(ours, { b: 3 })),
      ])
      expect(String(await ask(client, 'GET', key()))).to.equal(corrupt)
      expect(invalid.map(({ sid }) => sid)).to.deep.equal([SID, SID])
      for (const { error } of invalid) expect(error).to.be.an.instanceof(InvalidSessionError)
    })
  }
})

describe('a set that changes nothing but the life', () => {
  usingClient()

  const inTwoHours = () => Date.now() + 2 * ONE_HOUR_MS

  for (const onConflict of ['merge', 'overwrite', 'reject'] as const) {
    it(`${onConflict}: extends the life, and overwrites nothing`, async () => {
      const counted = recording(client)
      const { store, theirs, ours } = await twoSessions({ a: 1 }, { onConflict, client: counted })
      await save(Object.assign(theirs, { a: 2 }))
      counted.trips.length = 0
      expireAt(ours, inTwoHours())
      await save(ours)
      expect(counted.trips).to.deep.equal([['EVALSHA'], ['EVALSHA']])
      expect(await stored(store, SID)).to.deep.equal({ a: 2 })
      expect(Number(await ask(client, 'PTTL', key()))).to.be.above(1.5 * ONE_HOUR_MS)
    })

    it(`${onConflict}: does so while another request writes`, async () => {
      const gate = new Gate()
      const options = { onConflict, client: gate.wrap(client) }
      const { store, theirs, ours } = await twoSessions({ a: 1 }, options)
      gate.close()
      const writing = save(Object.assign(theirs, { a: 2 }))
      await gate.holds(1)
      expireAt(ours, inTwoHours())
      const extending = save(ours)
      await turn()
      await gate.open()
      await Promise.all([writing, extending])
      expect(await stored(store, SID)).to.deep.equal({ a: 2 })
      expect(Number(await ask(client, 'PTTL', key()))).to.be.above(1.5 * ONE_HOUR_MS)
    })

    it(`${onConflict}: overwrites nothing where keys never expire`, async () => {
      const { store, theirs, ours } = await twoSessions({ a: 1 }, { onConflict, disableTTL: true })
      await save(Object.assign(theirs, { a: 2 }))
      expireAt(ours, inTwoHours())
      await save(ours)
      expect(await stored(store, SID)).to.deep.equal({ a: 2 })
    })
  }

  it('tells of it if the session is gone', async () => {
    const { store, ours } = await twoSessions({ a: 1 })
    const gone = heard(store, 'gone')
    await store.destroy(SID)
    await save(ours)
    expect(gone).to.deep.equal([{ sid: SID }])
    expect(await stored(store, SID)).to.equal(null)
  })

  it('is no such thing if the cookie changed otherwise', async () => {
    const { store, ours } = await twoSessions({ a: 1 })
    ours.cookie.httpOnly = false
    await save(ours)
    expect(((await store.get(SID)) as SessionData).cookie.httpOnly).to.equal(false)
  })
})

describe('what counts as changed', () => {
  usingClient()

  class Money {
    readonly #cents: number
    constructor(cents: number) {
      this.#cents = cents
    }
    toJSON() {
      return { cents: this.#cents }
    }
  }

  const cases: [string, stored: unknown, put: unknown][] = [
    ['a Date of the same time', '2030-01-01T00:00:00.000Z', new Date('2030-01-01')],
    ['an object with toJSON', { cents: 5 }, new Money(5)],
    ['another order of keys', { a: 1, b: { c: 2, d: 3 } }, { b: { d: 3, c: 2 }, a: 1 }],
    ['undefined inside', { a: 1 }, { a: 1, b: undefined }],
    ['undefined, NaN and a function in an array', [null, null, null], [undefined, NaN, () => {}]],
    ['an equal copy', { a: [{ b: 'c' }] }, { a: [{ b: 'c' }] }],
  ]
  for (const [name, before, put] of cases) {
    it(`is not ${name}`, async () => {
      const { store, theirs, ours } = await twoSessions({ it: before })
      await save(Object.assign(theirs, { it: 'theirs' }))
      await save(Object.assign(ours, { it: put, ours: true }))
      expect(await stored(store, SID)).to.deep.equal({ it: 'theirs', ours: true })
    })
  }

  it('is not an attribute that is undefined and was not there', async () => {
    const { store, theirs, ours } = await twoSessions({})
    await save(Object.assign(theirs, { it: 'theirs' }))
    await save(Object.assign(ours, { it: undefined, ours: true }))
    expect(await stored(store, SID)).to.deep.equal({ it: 'theirs', ours: true })
  })

  it('is an attribute that was there and is undefined', async () => {
    const { store, theirs, ours } = await twoSessions({ it: 1 })
    await save(Object.assign(theirs, { theirs: true }))
    await save(Object.assign(ours, { it: undefined }))
    expect(await stored(store, SID)).to.deep.equal({ theirs: true })
  })

  it('is a value inside an attribute, with the whole of it', async () => {
    const { store, theirs, ours } = await twoSessions({ cart: { items: [1] }, user: { name: 'A' } })
    const [cart, user] = [theirs.cart as { items: number[] }, ours.user as { name: string }]
    cart.items.push(2)
    user.name = 'B'
    await save(theirs)
    await save(ours)
    expect(await stored(store, SID)).to.deep.equal({ cart: { items: [1, 2] }, user: { name: 'B' } })
  })

  it('keeps the Dates of both as JSON has them', async () => {
    const { store, theirs, ours } = await twoSessions({ first: new Date(0) })
    await save(Object.assign(theirs, { second: new Date(1000) }))
    await save(Object.assign(ours, { third: { at: new Date(2000) } }))
    const [first, second, third] = [0, 1000, 2000].map((ms) => new Date(ms).toISOString())
    expect(await stored(store, SID)).to.deep.equal({ first, second, third: { at: third } })
  })

  it('goes by the form of the serializer, not by its text', async () => {
    let salt = 0
    const serializer = {
      stringify: (session: SessionData) => JSON.stringify({ salt: salt++, session }),
      parse: (text: string) => JSON.parse(text).session as SessionData,
    }
    const { store, theirs, ours } = await twoSessions({ a: 1 }, { serializer })
    await save(Object.assign(theirs, { a: 2 }))
    await save(Object.assign(ours, { b: 3 }))
    expect(attributesOf((await store.get(SID)) as Data)).to.deep.equal({ a: 2, b: 3 })
    await save(theirs)
    expect(attributesOf((await store.get(SID)) as Data)).to.deep.equal({ a: 2, b: 3 })
  })

  it('takes attributes named like those of every object', async () => {
    const store = makeStore()
    const evil = JSON.parse('{"__proto__":{"admin":true},"constructor":{"prototype":1}}') as object
    const all = (session: object) => Object.entries(session).filter(([name]) => name !== 'cookie')
    await store.set(SID, Object.defineProperties(data(), Object.getOwnPropertyDescriptors(evil)))
    const [theirs, ours] = [await store.get(SID), await store.get(SID)] as [Data, Data]
    await store.set(SID, Object.assign(theirs, { a: 2 }))
    await store.set(SID, Object.assign(ours, { b: 3 }))
    const merged = (await store.get(SID)) as Data
    expect(all(merged)).to.have.deep.members([...all(evil), ['a', 2], ['b', 3]])
    expect(merged.admin).to.equal(undefined)
    expect('admin' in {}).to.equal(false)
  })
})

describe('an asynchronous serializer', () => {
  usingClient()

  /** Takes a number of turns of the event loop for each call. */
  function slow(turns: () => number) {
    const wait = async <T>(result: T) => {
      for (let left = turns(); left > 0; left--) await turn()
      return result
    }
    return {
      stringify: (session: SessionData) =>
        wait(Buffer.from(JSON.stringify(session)).toString('hex')),
      parse: (text: string) => wait(JSON.parse(Buffer.from(text, 'hex').toString()) as SessionData),
    }
  }

  const attributesIn = async (store: SolidisStore) =>
    attributesOf((await store.get(SID)) as SessionData)

  it('merges', async () => {
    const [one, other] = await twoStores({ a: 1, b: 1 }, { serializer: slow(() => 3) })
    const [theirs, ours] = [await open(one, SID), await open(other, SID)]
    await Promise.all([
      save(Object.assign(theirs, { a: 2, at: new Date(0) })),
      save(Object.assign(ours, { b: { deep: 3 } })),
    ])
    const at = new Date(0).toISOString()
    expect(await attributesIn(one)).to.deep.equal({ a: 2, b: { deep: 3 }, at })
  })

  it('holds for 64 writers at once', async () => {
    let calls = 0
    const [one, other] = await twoStores({ base: 1 }, { serializer: slow(() => calls++ % 3) })
    const sessions = await Promise.all(
      Array.from({ length: 64 }, (_, i) => open(i % 2 ? one : other, SID)),
    )
    await Promise.all(sessions.map((session, i) => save(Object.assign(session, { [`n${i}`]: i }))))
    expect(Object.keys(await attributesIn(one))).to.have.length(65)
  })

  it('undoes, in a later save, what an earlier one changed at the same time', async () => {
    const { store, ours } = await twoSessions({ a: 1 }, { serializer: slow(() => 3) })
    const first = save(Object.assign(ours, { a: 2 }))
    await Promise.all([first, save(Object.assign(ours, { a: 1 }))])
    expect(await attributesIn(store)).to.deep.equal({ a: 1 })
  })

  it('undoes a save that ended while the later one was being serialized', async () => {
    let release = (): void => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    let hold = false
    const serializer = {
      parse: (text: string) => JSON.parse(text) as SessionData,
      async stringify(session: SessionData) {
        const text = JSON.stringify(session)
        if (hold) await held
        return text
      },
    }
    const { store, ours } = await twoSessions({ a: 1 }, { serializer })
    const first = save(Object.assign(ours, { a: 2 }))
    await turn()
    hold = true
    const second = save(Object.assign(ours, { a: 1 }))
    await first
    release()
    await second
    expect(await stored(store, SID)).to.deep.equal({ a: 1 })
  })

  it('is asked for the result of onConflict, too', async () => {
    const serializer = slow(() => 1)
    const onConflict = (_base: SessionData, theirs: SessionData, ours: SessionData) => ({
      ...theirs,
      ...ours,
      both: true,
    })
    const { store, theirs, ours } = await twoSessions({ a: 1 }, { serializer, onConflict })
    await save(Object.assign(theirs, { b: 2 }))
    await save(Object.assign(ours, { c: 3 }))
    expect(await attributesIn(store)).to.deep.equal({ a: 1, b: 2, c: 3, both: true })
  })
})

describe("onConflict: 'overwrite'", () => {
  usingClient()

  it('writes the whole of the later session', async () => {
    const { store, theirs, ours } = await twoSessions({ a: 1 }, { onConflict: 'overwrite' })
    await save(Object.assign(theirs, { a: 2, b: 2 }))
    await save(Object.assign(ours, { c: 3 }))
    expect(await stored(store, SID)).to.deep.equal({ a: 1, c: 3 })
  })

  it('costs two commands where another has changed the session', async () => {
    const counted = recording(client)
    const { theirs, ours } = await twoSessions(
      { a: 1 },
      { onConflict: 'overwrite', client: counted },
    )
    await save(Object.assign(theirs, { a: 2 }))
    counted.trips.length = 0
    await save(Object.assign(ours, { a: 3 }))
    expect(counted.trips).to.deep.equal([['EVALSHA'], ['EVALSHA']])
  })

  it('never brings back what is gone, and tells of it', async () => {
    const { store, ours } = await twoSessions({ a: 1 }, { onConflict: 'overwrite' })
    const gone = heard(store, 'gone')
    await store.destroy(SID)
    await save(Object.assign(ours, { a: 2 }))
    expect(await stored(store, SID)).to.equal(null)
    expect(gone).to.deep.equal([{ sid: SID }])
  })

  it('sets the life anew', async () => {
    const { ours } = await twoSessions({ a: 1 }, { onConflict: 'overwrite' })
    expireAt(ours, Date.now() + 3 * ONE_HOUR_MS)
    await save(Object.assign(ours, { a: 2 }))
    expect(Number(await ask(client, 'PTTL', key()))).to.be.above(2 * ONE_HOUR_MS)
  })
})

describe("onConflict: 'reject'", () => {
  usingClient()

  it('writes where there is no conflict, again and again', async () => {
    const { store, ours } = await twoSessions({ a: 1 }, { onConflict: 'reject' })
    await save(Object.assign(ours, { a: 2 }))
    await save(Object.assign(ours, { a: 3 }))
    expect(await stored(store, SID)).to.deep.equal({ a: 3 })
  })

  it('rejects again until the session is loaded anew', async () => {
    const { store, theirs, ours } = await twoSessions({ a: 1 }, { onConflict: 'reject' })
    await save(Object.assign(theirs, { a: 2 }))
    Object.assign(ours, { a: 3 })
    for (const _ of [1, 2]) {
      expect(await failureOf(save(ours))).to.be.an.instanceof(SessionConflictError)
    }
    await save(Object.assign(await open(store, SID), { a: 4 }))
    expect(await stored(store, SID)).to.deep.equal({ a: 4 })
  })

  it('lets one of many at once through, and rejects the others', async () => {
    const store = makeStore({ onConflict: 'reject' })
    await store.set(SID, data({ a: 1 }))
    const sessions = await Promise.all(Array.from({ length: 16 }, () => open(store, SID)))
    const saves = sessions.map((session, i) => save(Object.assign(session, { [`n${i}`]: i })))
    const outcomes = await Promise.allSettled(saves)
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).to.have.length(1)
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') {
        expect(outcome.reason).to.be.an.instanceof(SessionConflictError)
      }
    }
    expect(Object.keys((await stored(store, SID)) as object)).to.have.length(2)
  })

  it('is no error where the session is gone', async () => {
    const { store, theirs, ours } = await twoSessions({ a: 1 }, { onConflict: 'reject' })
    const gone = heard(store, 'gone')
    await store.destroy(SID)
    await Promise.all([save(Object.assign(theirs, { a: 2 })), save(Object.assign(ours, { a: 3 }))])
    expect(gone).to.deep.equal([{ sid: SID }, { sid: SID }])
  })

  it('does not show the sid or the session in the message', async () => {
    const { theirs, ours } = await twoSessions({ a: 'secret' }, { onConflict: 'reject' })
    await save(Object.assign(theirs, { a: 2 }))
    const error = await failureOf(save(Object.assign(ours, { b: 3 })))
    expect(error.message).to.not.include(SID).and.not.include('secret')
  })
})

describe('onConflict: a function', () => {
  usingClient()

  for (const [kind, settle] of [
    ['synchronous', (value: SessionData) => value],
    ['asynchronous', (value: SessionData) => turn(value)],
  ] as const) {
    it(`decides by what was loaded, what is there and what is to be written (${kind})`, async () => {
      const onConflict = sinon.spy((_base: SessionData, theirs: SessionData, ours: SessionData) =>
        settle({ ...theirs, decided: true, cookie: ours.cookie } as Data),
      )
      const { store, theirs, ours } = await twoSessions({ a: 1, at: new Date(0) }, { onConflict })
      await save(Object.assign(theirs, { a: 2 }))
      expect(onConflict.called).to.equal(false)
      await save(Object.assign(ours, { a: 3, when: new Date(1) }))
      expect(onConflict.callCount).to.equal(1)
      const at = new Date(0).toISOString()
      const when = new Date(1).toISOString()
      expect(onConflict.firstCall.args.map(attributesOf)).to.deep.equal([
        { a: 1, at },
        { a: 2, at },
        { a: 3, at, when },
      ])
      expect(await stored(store, SID)).to.deep.equal({ a: 2, at, decided: true })
    })
  }

  it('is asked again if the session changes once more meanwhile', async () => {
    const other = makeStore()
    let interfere = true
    const onConflict = async (_base: SessionData, theirs: SessionData, ours: SessionData) => {
      if (interfere) await other.set(SID, data({ a: 'again' }))
      interfere = false
      return { ...ours, seen: (theirs as Data).a } as SessionData
    }
    const { store, theirs, ours } = await twoSessions({ a: 1 }, { onConflict })
    await save(Object.assign(theirs, { a: 2 }))
    await save(Object.assign(ours, { b: 3 }))
    expect(await stored(store, SID)).to.deep.equal({ a: 1, b: 3, seen: 'again' })
  })

  it('is not asked about a session that is gone', async () => {
    const onConflict = sinon.stub().throws()
    const { store, ours } = await twoSessions({ a: 1 }, { onConflict })
    await store.destroy(SID)
    await save(Object.assign(ours, { a: 2 }))
    expect(onConflict.called).to.equal(false)
    expect(await stored(store, SID)).to.equal(null)
  })

  const failures: [string, () => never | Promise<never>][] = [
    [
      'throws',
      () => {
        throw new Error('mine')
      },
    ],
    ['rejects with', () => Promise.reject(new Error('mine'))],
  ]
  for (const [how, onConflict] of failures) {
    it(`gives the callback what it ${how}, and writes nothing`, async () => {
      const { store, theirs, ours } = await twoSessions({ a: 1 }, { onConflict })
      await save(Object.assign(theirs, { a: 2 }))
      const callback = sinon.spy()
      expireAt(ours, Date.now() + 9 * ONE_HOUR_MS)
      store.set(SID, Object.assign(ours, { b: 3 }), callback)
      while (!callback.called) await turn()
      await turn()
      expect(callback.callCount).to.equal(1)
      expect(callback.firstCall.args[0].message).to.equal('mine')
      expect(await stored(store, SID)).to.deep.equal({ a: 2 })
      expect(Number(await ask(client, 'PTTL', key()))).to.be.below(2 * ONE_HOUR_MS)
    })
  }

  it('fails for one of several that wait, and for no other', async () => {
    const onConflict = (_base: SessionData, theirs: SessionData, ours: SessionData) => {
      if ('bad' in ours) throw new Error('mine')
      return { ...theirs, ...attributesOf(ours), cookie: ours.cookie }
    }
    const store = makeStore({ onConflict })
    await store.set(SID, data())
    const sessions = await Promise.all([1, 2, 3, 4].map(() => open(store, SID)))
    const changes = [{ a: 1 }, { b: 2 }, { bad: 3 }, { d: 4 }]
    const outcomes = await Promise.allSettled(
      sessions.map((session, i) => save(Object.assign(session, changes[i]))),
    )
    expect(outcomes.map(({ status }) => status)).to.deep.equal([
      ...['fulfilled', 'fulfilled', 'rejected', 'fulfilled'],
    ])
    expect(await stored(store, SID)).to.deep.equal({ a: 1, b: 2, d: 4 })
  })

  for (const bad of [undefined, null, 'text', 5, true]) {
    it(`may not give ${JSON.stringify(bad)}`, async () => {
      const onConflict = () => bad as unknown as SessionData
      const { store, theirs, ours } = await twoSessions({ a: 1 }, { onConflict })
      await save(Object.assign(theirs, { a: 2 }))
      const error = await failureOf(save(Object.assign(ours, { b: 3 })))
      expect(error).to.be.an.instanceof(TypeError)
      expect(error.message).to.match(/onConflict/)
      expect(await stored(store, SID)).to.deep.equal({ a: 2 })
    })
  }

  it('may not give a session without a cookie, which would be none', async () => {
    const onConflict = () => ({ a: 5 }) as unknown as SessionData
    const { store, theirs, ours } = await twoSessions({ a: 1 }, { onConflict })
    await save(Object.assign(theirs, { a: 2 }))
    await failureOf(save(Object.assign(ours, { b: 3 })))
    expect(await stored(store, SID)).to.deep.equal({ a: 2 })
  })
})

describe('a session that changes at every attempt', () => {
  usingClient()

  beforeEach(() => {
    // No waiting between the attempts.
    sinon.stub(Math, 'random').returns(0)
  })

  afterEach(() => sinon.restore())

  /** Lets another request change the session before each write. */
  function contested(): SolidisLike & { writes: number } {
    return {
      writes: 0,
      async send(commands) {
        if (String(commands[0]?.[0]).startsWith('EVAL')) {
          await ask(client, 'SET', key(), JSON.stringify(data({ theirs: this.writes++ })))
        }
        return client.send(commands)
      },
    }
  }

  it('is given up by set, with the sid', async () => {
    const contestedClient = contested()
    const { store, ours } = await twoSessions({ a: 1 }, { client: contestedClient })
    const error = await failureOf(save(Object.assign(ours, { a: 2 })))
    expect(error).to.be.an.instanceof(SessionConflictError)
    expect(error.sid).to.equal(SID)
    expect((Math.random as sinon.SinonStub).called, 'waits for a random time').to.equal(true)
    const { writes } = contestedClient
    expect(writes).to.be.at.least(64)
    expect(await stored(store, SID)).to.deep.equal({ theirs: writes - 1 })
    const again = await failureOf(save(Object.assign(ours, { a: 3 })))
    expect(again, 'the queue goes on').to.be.an.instanceof(SessionConflictError)
    expect(contestedClient.writes).to.be.above(writes)
  })

  it('is given up by update, with the sid', async () => {
    const contestedClient = contested()
    const { store } = await twoSessions({ a: 1 }, { client: contestedClient })
    const change = sinon.spy((session: SessionData) => void Object.assign(session, { a: 2 }))
    const error = await failureOf(store.update(SID, change))
    expect(error).to.be.an.instanceof(SessionConflictError)
    expect(error.sid).to.equal(SID)
    expect(change.callCount).to.equal(contestedClient.writes).and.be.at.least(64)
  })
})

describe('writes of one session in one process', () => {
  usingClient()

  it('are one in flight, and one for all that wait', async () => {
    const gate = new Gate()
    const store = makeStore({ client: gate.wrap(client) })
    await store.set(SID, data({ base: 1 }))
    await save(Object.assign(await open(store, SID), { base: 2 }))
    const sessions = await Promise.all(Array.from({ length: 20 }, () => open(store, SID)))
    gate.close()
    const saves = sessions.map((session, i) => save(Object.assign(session, { [`n${i}`]: i })))
    for (const _ of [1, 2]) {
      await gate.holds(1)
      await turn()
      expect(gate.held).to.have.length(1)
      await gate.pass()
    }
    await Promise.all(saves)
    await gate.open()
    expect(Object.keys((await stored(store, SID)) as object)).to.have.length(21)
  })

  it('do not wait for those of another session', async () => {
    const gate = new Gate()
    const store = makeStore({ client: gate.wrap(client) })
    await Promise.all([store.set('1', data()), store.set('2', data())])
    const [one, two] = [await open(store, '1'), await open(store, '2')]
    gate.close()
    const slow = save(Object.assign(one, { a: 1 }))
    await gate.holds(1)
    const quick = save(Object.assign(two, { b: 2 }))
    await gate.holds(2)
    await gate.pass(1)
    while (gate.held.length > 1) await gate.pass(1)
    await turn()
    await Promise.all([gate.open(), slow, quick])
    expect(await stored(store, '2')).to.deep.equal({ b: 2 })
  })

  it('are all told if the session went while they waited', async () => {
    const gate = new Gate()
    const store = makeStore({ client: gate.wrap(client) })
    await store.set(SID, data({ base: 1 }))
    const gone = heard(store, 'gone')
    const sessions = await Promise.all([1, 2, 3].map(() => open(store, SID)))
    gate.close()
    const saves = sessions.map((session, i) => save(Object.assign(session, { [`n${i}`]: i })))
    await gate.holds(1)
    await ask(client, 'DEL', key())
    await gate.open()
    await Promise.all(saves)
    expect(gone).to.have.length(3)
    expect(await ask(client, 'EXISTS', key())).to.equal(0)
  })

  it('each fail on their own if Redis fails, and the next one does not', async () => {
    const gate = new Gate()
    let broken = false
    let failures = 0
    const flaky: SolidisLike = {
      async send(commands) {
        if (!broken) return client.send(commands)
        failures++
        throw new Error('down')
      },
    }
    const store = makeStore({ client: gate.wrap(flaky) })
    await store.set(SID, data({ base: 1 }))
    const sessions = await Promise.all([1, 2, 3].map(() => open(store, SID)))
    gate.close()
    const saves = sessions.map((session, i) => save(Object.assign(session, { [`n${i}`]: i })))
    await gate.holds(1)
    broken = true
    const outcomes = Promise.allSettled(saves)
    await gate.open()
    for (const outcome of await outcomes) {
      expect(outcome).to.have.property('reason').that.is.an.instanceof(RedisError)
    }
    expect(failures, 'one for the first, one for those that waited').to.equal(2)
    broken = false
    await Promise.all(sessions.map(save))
    expect(await stored(store, SID)).to.deep.equal({ base: 1, n0: 0, n1: 1, n2: 2 })
  })
})
