// A new password ends the sessions of its user: see password-change.md. In an empty folder:
//   npm install connect-solidis express express-session redis
//   REDIS_URL=redis://127.0.0.1:6379 node password-change.mjs
import { randomUUID } from 'node:crypto'
import { promisify } from 'node:util'
import { fromNodeRedis, SolidisStore } from 'connect-solidis'
import express from 'express'
import session from 'express-session'
import { createClient } from 'redis'

const { PORT = '3000', REDIS_URL, SESSION_SECRET } = process.env

/** A real site has a database, and keeps hashes of passwords, never passwords. */
const accounts = new Map([['ann', { password: 'wonderland', version: 0 }]])
/** Whose password a link may set: a real site sends it by mail, and lets it expire. */
const links = new Map()

const client = createClient({ url: REDIS_URL, disableOfflineQueue: true })
client.on('error', console.error)
await client.connect()
const store = new SolidisStore({
  client: fromNodeRedis(client),
  indexBy: (session) => session.user,
})

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
app.use(express.json())

app.post('/login', async (req, res) => {
  const { user, password } = req.body
  const account = accounts.get(user)
  if (account?.password !== password) return res.status(401).json({ error: 'Wrong password' })
  await begin(req, user, account.version)
  res.json({ user })
})

app.post('/forgot', (req, res) => {
  const link = randomUUID()
  if (accounts.has(req.body.user)) links.set(link, req.body.user)
  // Instead of a mail. The answer tells nobody whether there is such a user.
  res.json({ link })
})

app.post('/reset/:link', async (req, res) => {
  const user = links.get(req.params.link)
  if (user === undefined) return res.status(404).json({ error: 'The link has expired' })
  links.delete(req.params.link)
  setPassword(user, req.body.newPassword)
  // All of them: one may be of whom the user fears.
  res.json({ ended: await store.destroyBy(user) })
})

app.use((req, res, next) => {
  res.set('Cache-Control', 'no-store')
  const { user, version } = req.session
  // What was begun by an older password is over, though it may still be there.
  const isCurrent = user !== undefined && accounts.get(user)?.version === version
  if (!isCurrent) return res.status(401).json({ error: 'Not logged in' })
  next()
})

app.get('/profile', ({ session: { user } }, res) => {
  res.json({ user })
})

app.put('/password', async (req, res) => {
  const { user } = req.session
  const { password, newPassword } = req.body
  if (accounts.get(user).password !== password) {
    return res.status(403).json({ error: 'Wrong password' })
  }
  const version = setPassword(user, newPassword)
  // This one goes on, under a new id.
  await begin(req, user, version)
  res.json({ ended: await store.destroyBy(user, { except: req.sessionID }) })
})

function setPassword(user, password) {
  // Both at once: in a database by one statement.
  const version = accounts.get(user).version + 1
  accounts.set(user, { password, version })
  return version
}

async function begin(req, user, version) {
  await promisify(req.session.regenerate).call(req.session)
  Object.assign(req.session, { user, version })
  await promisify(req.session.save).call(req.session)
}

const server = app.listen(Number(PORT), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}`)
})
