// A site whose users see where they are logged in, and can end it: see devices.md. In an empty folder:
//   npm install connect-solidis express express-session redis
//   REDIS_URL=redis://127.0.0.1:6379 node devices.mjs
import { fromNodeRedis, SolidisStore } from 'connect-solidis'
import express from 'express'
import session from 'express-session'
import { createClient } from 'redis'

const { PORT = '3000', REDIS_URL, SESSION_SECRET } = process.env
/** After so long without a request, a session ends. */
const IDLE_MS = 30 * 60_000

/** A real site has a database, and keeps hashes of passwords, never passwords. */
const passwords = new Map([
  ['ann', 'wonderland'],
  ['bob', 'builder'],
])

const client = createClient({ url: REDIS_URL, disableOfflineQueue: true })
client.on('error', console.error)
await client.connect()
const store = new SolidisStore({
  client: fromNodeRedis(client),
  indexBy: (session) => session.user,
  maxSessions: 5,
})

const app = express()
app.use(express.json())
app.use(
  session({
    store,
    secret: SESSION_SECRET || 'only for development',
    resave: false,
    saveUninitialized: false,
    cookie: { maxAge: IDLE_MS, sameSite: 'lax' },
  }),
)

app.post('/login', (req, res, next) => {
  const { user, password } = req.body
  if (!isPasswordOf(user, password)) return res.status(401).json({ error: 'Wrong password' })
  req.session.regenerate((error) => {
    if (error) return next(error)
    Object.assign(req.session, { user, startedAt: Date.now(), agent: req.get('User-Agent') })
    req.session.save((error) => (error ? next(error) : res.json({ user })))
  })
})

const devices = express.Router()
devices.use((req, res, next) => {
  res.set('Cache-Control', 'no-store')
  if (req.session.user === undefined) return res.status(401).json({ error: 'Not logged in' })
  next()
})

devices.get('/devices', async (req, res) => {
  const found = await store.findBy(req.session.user)
  res.json(
    found.map(({ sid, handle, session, expiresAt }) => ({
      handle, // never the sid, with which anybody could be that device
      agent: session.agent,
      startedAt: new Date(session.startedAt),
      // Each request lets a session live for maxAge from then on.
      lastSeenAt: new Date(expiresAt - session.cookie.originalMaxAge),
      isThisOne: sid === req.sessionID,
    })),
  )
})

/** Who only found the device unlocked cannot lock its owner out. */
function confirm(req, res, next) {
  if (isPasswordOf(req.session.user, req.body?.password)) return next()
  res.status(403).json({ error: 'Wrong password' })
}

devices.delete('/devices/:handle', confirm, async (req, res) => {
  const ended = await store.destroyBy(req.session.user, { only: req.params.handle })
  res.status(ended > 0 ? 200 : 404).json({ ended })
})

devices.delete('/devices', confirm, async (req, res) => {
  res.json({ ended: await store.destroyBy(req.session.user, { except: req.sessionID }) })
})

devices.put('/password', confirm, async (req, res) => {
  const { newPassword } = req.body
  if (typeof newPassword !== 'string' || newPassword === '') {
    return res.status(400).json({ error: 'newPassword is required' })
  }
  const { user } = req.session
  // First the password: else who has the old one could log in again in between.
  passwords.set(user, newPassword)
  res.json({ ended: await store.destroyBy(user, { except: req.sessionID }) })
})
app.use(devices)

function isPasswordOf(user, password) {
  return typeof password === 'string' && passwords.get(user) === password
}

const server = app.listen(Number(PORT), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}`)
})
