import { Router } from 'express'
import { logIn, logOut } from './login.js'
import { limitLogins, noStore } from './security.js'
import { findUser, userOf } from './users.js'

/** Tells whether requests that need a session can be answered. */
export function ready(store) {
  return (_req, res) => {
    res.set('Cache-Control', 'no-store')
    res.status(store.state === 'closed' ? 200 : 503).json({ store: store.state })
  }
}

/** The API: who may log in, who is logged in, and, for an admin, how many are. */
export function api(store) {
  const router = Router()
  router.use(noStore)

  router.post('/login', limitLogins, async (req, res) => {
    const { username, password } = req.body ?? {}
    if (typeof username !== 'string' || typeof password !== 'string') {
      return res.status(400).json({ error: 'username and password are required' })
    }
    const user = await findUser(username, password)
    if (!user) return res.status(401).json({ error: 'Wrong username or password' })
    await logIn(req, user)
    res.json({ message: 'Logged in', user: profileOf(req.session) })
  })

  router.get('/profile', (req, res) => {
    if (!req.session.userId) return res.status(401).json({ error: 'Not logged in' })
    res.json(profileOf(req.session))
  })

  router.post('/logout', async (req, res) => {
    await logOut(req, res)
    res.json({ message: 'Logged out' })
  })

  router.get('/sessions/count', async (req, res) => {
    if (!req.session.userId) return res.status(401).json({ error: 'Not logged in' })
    if (!userOf(req.session.userId)?.isAdmin) return res.status(403).json({ error: 'Not an admin' })
    res.json({ activeSessions: await store.length() })
  })

  return router
}

function profileOf({ userId, username, email, createdAt }) {
  return { userId, username, email, createdAt }
}
