// What the stores are made to do. A workload has
// - `title` and `about`, for the report;
// - `prepare(bench, count)`: fills the storage before `count` calls;
// - `call(bench, slot, done)`: one call, of which the time is measured, on the session of a slot;
// - `verify(bench, count)`: throws unless Redis holds what the calls must have left there.
// A `bench` is a store under test with a storage and a payload: see micro.js.
import {
  attributesOf,
  FIRST_VIEW,
  loadSession,
  MAX_AGE_MS,
  newSession,
  STORED_LIFE_MS,
  sessionId,
  textOf,
} from './sessions.js'

/** So many sessions are worked on in turn, by workloads that do not use them up. */
export const POOL = 2048
/** So many clients write to the hot session. */
export const HOT_CLIENTS = 64
/** Logins and logouts need a session a call, so they are done by rounds, to bound the memory. */
const CALLS_A_ROUND = 20_000

const CHECKED_SLOTS = [0, 1, 100, POOL - 1]

export const WORKLOADS = {
  get: {
    title: 'get',
    about: '`get`',
    prepare: fillPool,
    call({ store }, slot, done) {
      store.get(sessionId(slot), (error, data) => {
        done(error ?? (data?.views === FIRST_VIEW ? null : new Error('get: not what was stored')))
      })
    },
    async verify() {},
  },

  reading: {
    title: 'Reading request',
    about: '`get` and `touch`',
    prepare: fillPool,
    call({ store }, slot, done) {
      const sid = sessionId(slot)
      loadSession(store, sid, (error, session) => {
        if (error) return done(error)
        session.touch()
        store.touch(sid, session, done)
      })
    },
    async verify({ store, storage }) {
      if (store?.disableTTL || store?.disableTouch) return
      const life = await storage.life(sessionId(0))
      check(life > (STORED_LIFE_MS + MAX_AGE_MS) / 2, 'reading: the session was not touched')
    },
  },

  writing: {
    title: 'Writing request',
    about: '`get`, a change and `set`',
    async prepare(bench) {
      await fillPool(bench)
      bench.writes = new Uint32Array(POOL)
    },
    call({ store, writes }, slot, done) {
      const sid = sessionId(slot)
      loadSession(store, sid, (error, session) => {
        if (error) return done(error)
        writes[slot]++
        session.views++
        session.touch()
        store.set(sid, session, done)
      })
    },
    async verify({ storage, writes, replays }) {
      if (replays) return
      for (const slot of CHECKED_SLOTS) {
        const { views } = await storage.read(sessionId(slot))
        check(views === FIRST_VIEW + writes[slot], 'writing: a change was not written')
      }
    },
  },

  login: {
    title: 'Login',
    about: '`set` of a new session',
    callsARound: CALLS_A_ROUND,
    async prepare(bench, count) {
      await bench.storage.remove(sids(count))
    },
    call({ store, attributes }, slot, done) {
      const sid = sessionId(slot)
      store.set(sid, newSession(store, sid, attributes), done)
    },
    async verify({ storage }, count) {
      for (const slot of [0, count - 1]) {
        const stored = await storage.read(sessionId(slot))
        check(stored?.views === FIRST_VIEW, 'login: the session was not stored')
      }
      await storage.remove(sids(count))
    },
  },

  logout: {
    title: 'Logout',
    about: '`destroy`',
    callsARound: CALLS_A_ROUND,
    async prepare({ storage, text }, count) {
      await storage.fill(sids(count), text)
    },
    call({ store }, slot, done) {
      store.destroy(sessionId(slot), done)
    },
    async verify({ storage }, count) {
      for (const slot of [0, count - 1]) {
        check((await storage.read(sessionId(slot))) === null, 'logout: the session is still there')
      }
    },
  },

  hot: {
    title: 'One hot session',
    about: `\`get\`, a change and \`set\` of one session by ${HOT_CLIENTS} clients at once`,
    concurrency: HOT_CLIENTS,
    async prepare(bench) {
      const text = textOf(attributesOf(bench.payload, HOT_CLIENTS))
      await bench.storage.fill([sessionId(0)], text)
      bench.acknowledged = 0
    },
    // Each client counts in an attribute of its own, so that no change needs to be lost.
    call(bench, slot, done) {
      const { store } = bench
      const sid = sessionId(0)
      loadSession(store, sid, (error, session) => {
        if (error) return done(error)
        session[`c${slot % HOT_CLIENTS}`]++
        session.touch()
        store.set(sid, session, (error) => {
          bench.acknowledged++
          done(error)
        })
      })
    },
    async verify(bench) {
      const stored = await bench.storage.read(sessionId(0))
      let kept = 0
      for (let i = 0; i < HOT_CLIENTS; i++) kept += stored[`c${i}`] - FIRST_VIEW
      check(kept > 0, 'hot: nothing was written')
      bench.lost = 1 - kept / bench.acknowledged
    },
  },
}

function fillPool({ storage, text }) {
  return storage.fill(sids(POOL), text)
}

function sids(count) {
  return Array.from({ length: count }, (_, slot) => sessionId(slot))
}

function check(condition, message) {
  if (!condition) throw new Error(message)
}
