// What express-session asks of its store for a request, without a server.
import { loadSession } from './sessions.js'

/** Each is one call for the session of `sid`. */
export const WORKLOADS = {
  /** `get` and `touch`. */
  reading(store, sid, done) {
    load(store, sid, done, (session) => store.touch(sid, session, done))
  },
  /** `get`, a change and `set`. */
  writing(store, sid, done) {
    load(store, sid, done, (session) => {
      session.count++
      store.set(sid, session, done)
    })
  },
}

function load(store, sid, done, use) {
  loadSession(store, sid, (error, session) => {
    if (error) return done(error)
    session.touch()
    use(session)
  })
}

/** Makes calls for so many milliseconds, `atOnce` at a time: calls a second, and CPU time of each. */
export function runCalls(call, store, sids, atOnce, ms) {
  return new Promise((resolve, reject) => {
    const before = process.cpuUsage()
    const begin = performance.now()
    let calls = 0
    let running = atOnce
    const end = () => {
      const { user, system } = process.cpuUsage(before)
      const seconds = (performance.now() - begin) / 1000
      resolve({ rate: calls / seconds, cpu: (user + system) / calls })
    }
    for (let worker = 0; worker < atOnce; worker++) {
      // Each has sessions of its own, so that no two calls meet in one by chance.
      let at = worker
      const next = (error) => {
        if (error) return reject(error)
        calls++
        if (performance.now() - begin >= ms) return --running === 0 ? end() : undefined
        at = at + atOnce < sids.length ? at + atOnce : worker
        call(store, sids[at], next)
      }
      call(store, sids[at], next)
    }
  })
}
