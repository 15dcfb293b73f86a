// The sessions that are stored: realistic ones, of an exact size in JSON.
import { createHash, createHmac } from 'node:crypto'
import session from 'express-session'

const { Cookie, Session } = session

export const SECRET = 'not a secret'
export const MAX_AGE_MS = 3_600_000
/** The constant number of digits makes every session of a size the same number of bytes. */
export const FIRST_COUNT = 1_000_000

const ids = []

/** Ids as express-session makes them, but the same in every run. */
export function sessionId(index) {
  while (ids.length <= index) ids.push(hash(`session ${ids.length}`).slice(0, 32))
  return ids[index]
}

export function cookieOf(sid) {
  const signature = createHmac('sha256', SECRET).update(sid).digest('base64').replace(/=+$/, '')
  return `connect.sid=${encodeURIComponent(`s:${sid}.${signature}`)}`
}

/**
 * A new session of `size` bytes in JSON, its cookie included, as express-session makes it.
 * @param counters how many counters it has besides, `c0`, `c1`, ..., beyond the size
 */
export function newSession(store, index, size, counters = 0) {
  const sid = sessionId(index)
  const attributes = {
    count: FIRST_COUNT,
    user: { id: `user-${String(index).padStart(7, '0')}`, name: 'Zoë Ångström', roles: ['buyer'] },
    cart: [],
    note: '',
  }
  const created = new Session({ sessionID: sid, sessionStore: store }, attributes)
  created.cookie = new Cookie({ maxAge: MAX_AGE_MS })
  let free = size - Buffer.byteLength(JSON.stringify(created))
  for (let i = 0; ; i++) {
    const item = { sku: hash(`${index} ${i}`).slice(0, 12), title: 'Teapot', quantity: 1 + (i % 3) }
    const bytes = JSON.stringify(item).length + 1
    if (bytes > free) break
    created.cart.push(item)
    free -= bytes
  }
  created.note = hash(sid).repeat(2).slice(0, Math.max(free, 0))
  for (let i = 0; i < counters; i++) created[`c${i}`] = FIRST_COUNT
  return created
}

/** Loads a session as express-session does for a request, into an object of class `Session`. */
export function loadSession(store, sid, callback) {
  store.get(sid, (error, data) => {
    if (error) return callback(error)
    if (!data) return callback(new Error('a stored session was not found'))
    callback(null, store.createSession({ sessionID: sid, sessionStore: store }, data))
  })
}

function hash(text) {
  return createHash('sha256').update(text).digest('base64url')
}
