// A site with a login, on Express 5 or 4: see express.md. In an empty folder:
//   npm install connect-solidis express express-session redis
//   REDIS_URL=redis://127.0.0.1:6379 node express.mjs
import { fromNodeRedis, SolidisStore } from 'connect-solidis'
import express from 'express'
import session from 'express-session'
import { createClient } from 'redis'

const { PORT = '3000', REDIS_URL, SESSION_SECRET } = process.env

const client = createClient({ url: REDIS_URL, disableOfflineQueue: true })
client.on('error', console.error)
await client.connect()

const app = express()
// One proxy in front, which ends TLS: else the site takes each request for one without.
app.set('trust proxy', 1)
app.use(
  session({
    store: new SolidisStore({ client: fromNodeRedis(client) }),
    secret: SESSION_SECRET || 'only for development',
    resave: false,
    saveUninitialized: false,
    // In production secure: true. With 'auto' it is so where the request came by TLS.
    cookie: { maxAge: 30 * 60_000, sameSite: 'lax', secure: 'auto' },
  }),
)
app.use(express.json())

app.post('/login', (req, res, next) => {
  const { user } = req.body // a real site asks for a password
  // A new session, lest somebody knows the id of the one before.
  req.session.regenerate((error) => {
    if (error) return next(error)
    req.session.user = user
    // Answered only when saved: the next request may be quicker than the save.
    req.session.save((error) => (error ? next(error) : res.json({ user })))
  })
})

app.post('/logout', (req, res, next) => {
  req.session.destroy((error) => {
    if (error) return next(error)
    res.clearCookie('connect.sid').json({ message: 'Logged out' })
  })
})

app.use((req, res, next) => {
  res.set('Cache-Control', 'no-store')
  if (req.session.user === undefined) return res.status(401).json({ error: 'Not logged in' })
  next()
})

app.get('/profile', ({ session: { user, theme } }, res) => {
  res.json({ user, theme })
})

app.post('/theme', (req, res) => {
  req.session.theme = req.body.theme
  res.json({ message: 'Saved' })
})

const server = app.listen(Number(PORT), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}`)
})
