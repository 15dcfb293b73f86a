// Dangerous pages ask for the password again: see reauthentication.md. In an empty folder:
//   npm install connect-solidis express express-session redis
//   REDIS_URL=redis://127.0.0.1:6379 node reauthentication.mjs
import { promisify } from 'node:util'
import { fromNodeRedis, SolidisStore } from 'connect-solidis'
import express from 'express'
import session from 'express-session'
import { createClient } from 'redis'

const { PORT = '3000', RECENT_SECONDS = '300', REDIS_URL, SESSION_SECRET } = process.env
/** So long a password that was given counts for dangerous pages. */
const RECENT_MS = Number(RECENT_SECONDS) * 1000
const MAX_GUESSES = 5

/** A real site has a database, and keeps hashes of passwords, never passwords. */
const passwords = new Map([['ann', 'wonderland']])

const client = createClient({ url: REDIS_URL, disableOfflineQueue: true })
client.on('error', console.error)
await client.connect()
const store = new SolidisStore({ client: fromNodeRedis(client) })

const app = express()
app.use(
  session({
    store,
    secret: SESSION_SECRET || 'only for development',
    resave: false,
    saveUninitialized: false,
    cookie: { maxAge: 30 * 60_000, sameSite: 'lax' },
  }),
)
app.use(express.json(), express.urlencoded())

app.post('/login', async (req, res) => {
  const { user, password } = req.body
  if (!isPasswordOf(user, password)) return res.status(401).json({ error: 'Wrong password' })
  await begin(req, { user, confirmedAt: Date.now() })
  res.json({ user })
})

app.use((req, res, next) => {
  res.set('Cache-Control', 'no-store')
  if (req.session.user === undefined) return res.status(401).json({ error: 'Not logged in' })
  next()
})

function recent(req, res, next) {
  const { confirmedAt = 0 } = req.session
  if (Date.now() - confirmedAt < RECENT_MS) return next()
  if (req.method !== 'GET' || req.accepts(['json', 'html']) !== 'html') {
    return res.status(403).json({ error: 'Give your password again', at: '/confirm' })
  }
  // In the session, and not in the URL, by which others could send the user anywhere.
  req.session.returnTo = req.originalUrl
  req.session.save((error) => (error ? next(error) : res.redirect(303, '/confirm')))
}

app.get('/confirm', (_req, res) => {
  res.send(`<!doctype html><html lang="en"><title>Your password</title>
<form method="post"><label>Your password, again
<input type="password" name="password" autocomplete="current-password" required></label>
<button>Go on</button></form>`)
})

app.post('/confirm', async (req, res) => {
  // Counted before it is looked at, and atomically: of many guesses at once none slips through.
  const counted = await store.update(req.sessionID, (session) => {
    session.guesses = (session.guesses ?? 0) + 1
  })
  if (counted === null || counted.guesses > MAX_GUESSES) {
    await promisify(req.session.destroy).call(req.session)
    return res.status(401).json({ error: 'Not logged in' })
  }
  const { user, cart, returnTo = '/account' } = req.session
  if (!isPasswordOf(user, req.body?.password)) {
    return res.status(403).json({ error: 'Wrong password' })
  }
  // More rights, so a new id; what is to be kept is named.
  await begin(req, { user, cart, confirmedAt: Date.now() })
  res.redirect(303, returnTo)
})

app.post('/cart', (req, res) => {
  req.session.cart = req.body.cart
  res.json({ message: 'Saved' })
})

app.get('/account', ({ session: { user, cart } }, res) => {
  res.json({ user, cart })
})

app.get('/payments', recent, (_req, res) => {
  res.send('<!doctype html><html lang="en"><title>Payments</title><p>How you pay.')
})

app.delete('/account', recent, (_req, res) => {
  res.json({ message: 'Gone' })
})

async function begin(req, attributes) {
  await promisify(req.session.regenerate).call(req.session)
  Object.assign(req.session, attributes)
  await promisify(req.session.save).call(req.session)
}

function isPasswordOf(user, password) {
  return typeof password === 'string' && passwords.get(user) === password
}

const server = app.listen(Number(PORT), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}`)
})
