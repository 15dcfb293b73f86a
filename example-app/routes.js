import { promisify } from 'node:util'
import { Router } from 'express'
import { findUser } from './users.js'

/** Tells whether requests that need a session can be answered. */
export function ready(store) {
  return (_req, res) => {
    res.status(store.state === 'closed' ? 200 : 503).json({ store: store.state })
  }
}

/** The API: who may log in, who is logged in, and how many are. */
export function routes(store) {
  const router = Router()

  // What a user sees must not come back out of a cache after the logout.
  router.use((_req, res, next) => {
    res.set('Cache-Control', 'no-store')
    next()
  })

  router.post('/login', async (req, res) => {
    const { username, password } = req.body ?? {}
    if (typeof username !== 'string' || typeof password !== 'string') {
      return res.status(400).json({ error: 'username and password are required' })
    }
    const user = findUser(username, password)
    if (!user) return res.status(401).json({ error: 'Wrong username or password' })

    // A new id, so that nobody can log a victim in to a session whose id they know.
    await call(req.session, 'regenerate')
    Object.assign(req.session, user, { createdAt: Date.now() })
    // Saved before the answer, which else would promise a login that Redis may yet refuse.
    await call(req.session, 'save')
    res.json({ message: 'Logged in', user: profileOf(req.session) })
  })

  router.get('/profile', (req, res) => {
    if (!req.session.userId) return res.status(401).json({ error: 'Not logged in' })
    res.json(profileOf(req.session))
  })

  router.post('/logout', async (req, res) => {
    await call(req.session, 'destroy')
    res.clearCookie('connect.sid').json({ message: 'Logged out' })
  })

  router.get('/sessions/count', async (_req, res) => {
    res.json({ activeSessions: await store.length() })
  })

  return router
}

/** The methods of a session take a callback. */
function call(session, method) {
  return promisify(session[method]).call(session)
}

function profileOf({ userId, username, email, createdAt }) {
  return { userId, username, email, createdAt }
}
