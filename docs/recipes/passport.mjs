// A site with a login by Passport: see passport.md. In an empty folder:
//   npm install connect-solidis express express-session passport passport-local redis
//   REDIS_URL=redis://127.0.0.1:6379 node passport.mjs
import { fromNodeRedis, SolidisStore } from 'connect-solidis'
import express from 'express'
import session from 'express-session'
import passport from 'passport'
import { Strategy } from 'passport-local'
import { createClient } from 'redis'

const { KEEP = '', PORT = '3000', REDIS_URL, SESSION_SECRET } = process.env

/** A real site has a database, and keeps hashes of passwords, never passwords. */
const passwords = new Map([['ann', 'wonderland']])

const client = createClient({ url: REDIS_URL, disableOfflineQueue: true })
client.on('error', console.error)
await client.connect()
const store = new SolidisStore({
  client: fromNodeRedis(client),
  // Where Passport keeps what `serializeUser` gave.
  indexBy: (session) => session.passport?.user,
})

passport.use(
  new Strategy({ usernameField: 'user' }, (user, password, done) => {
    done(null, passwords.get(user) === password ? { id: user } : false)
  }),
)
passport.serializeUser(({ id }, done) => done(null, id))
passport.deserializeUser((id, done) => done(null, passwords.has(id) ? { id } : false))

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
app.use(passport.session())
app.use(express.json())

// Also for who is not logged in.
app.post('/cart', (req, res) => {
  req.session.cart = req.body.cart
  res.json({ message: 'Saved' })
})

// Passport begins a new session and saves it, before the route answers.
const login = passport.authenticate('local', { keepSessionInfo: KEEP === 'true' })
app.post('/login', login, ({ user }, res) => {
  res.json({ user: user.id })
})

app.post('/logout', (req, res, next) => {
  req.logout((error) => {
    if (error) return next(error)
    res.clearCookie('connect.sid').json({ message: 'Logged out' })
  })
})

app.use((req, res, next) => {
  res.set('Cache-Control', 'no-store')
  if (!req.isAuthenticated()) return res.status(401).json({ error: 'Not logged in' })
  next()
})

app.get('/profile', ({ user, session: { theme, cart } }, res) => {
  res.json({ user: user.id, theme, cart })
})

app.post('/theme', (req, res) => {
  req.session.theme = req.body.theme
  res.json({ message: 'Saved' })
})

app.delete('/sessions', ({ user }, res, next) => {
  store.destroyBy(user.id).then((ended) => res.json({ ended }), next)
})

const server = app.listen(Number(PORT), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}`)
})
