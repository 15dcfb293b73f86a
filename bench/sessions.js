// The sessions that are stored: realistic ones, of an exact size in JSON.
import { createHash } from 'node:crypto'
import session from 'express-session'

const { Cookie, Session } = session

const MINUTE_MS = 60_000
/** How long the stored sessions have to live, before they are touched. */
export const STORED_LIFE_MS = 30 * MINUTE_MS
/** How long a session lives that was just touched. */
export const MAX_AGE_MS = 60 * MINUTE_MS

/** The constant part makes every increment the same number of bytes. */
export const FIRST_VIEW = 1_000_000

/** Session ids as express-session makes them, but the same in every run. */
const ids = []

export function sessionId(index) {
  while (ids.length <= index) {
    ids.push(createHash('sha256').update(`session ${ids.length}`).digest('base64url').slice(0, 32))
  }
  return ids[index]
}

/**
 * The attributes of a session that is `size` bytes in JSON, its cookie included.
 * @param counters how many counters to add, `c0`, `c1`, ..., beyond the size
 */
export function attributesOf(size, counters = 0) {
  const attributes = {
    views: FIRST_VIEW,
    user: { id: 48_151_623, name: 'Zoë Ångström', roles: ['customer'] },
    cart: [],
    note: '',
  }
  let free = size - Buffer.byteLength(textOf(attributes))
  for (let i = 0; ; i++) {
    const item = {
      sku: `SKU-${10_000 + i}`,
      title: 'Teapot, blue',
      quantity: 1 + (i % 3),
      price: 24.9,
    }
    const bytes = JSON.stringify(item).length + 1
    if (bytes > free) break
    attributes.cart.push(item)
    free = size - Buffer.byteLength(textOf(attributes))
  }
  attributes.note = 'x'.repeat(Math.max(free, 0))
  for (let i = 0; i < counters; i++) attributes[`c${i}`] = FIRST_VIEW
  return attributes
}

/** The text under which a store keeps a session with these attributes. */
export function textOf(attributes, life = STORED_LIFE_MS) {
  const cookie = new Cookie({ maxAge: life, originalMaxAge: MAX_AGE_MS })
  cookie.originalMaxAge = MAX_AGE_MS
  return JSON.stringify({ cookie, ...attributes })
}

/** The session of a request that logs in, as express-session makes it. */
export function newSession(store, sid, attributes) {
  const req = { sessionID: sid, sessionStore: store }
  const created = new Session(req, attributes)
  created.cookie = new Cookie({ maxAge: MAX_AGE_MS })
  return created
}

/** Loads a session as express-session does for a request, into an object of class `Session`. */
export function loadSession(store, sid, callback) {
  store.get(sid, (error, data) => {
    if (error) return callback(error)
    if (!data) return callback(new Error('A stored session was not found'))
    callback(null, store.createSession({ sessionID: sid, sessionStore: store }, data))
  })
}
