// One of several apps on one Redis: see several-apps.md. In an empty folder:
//   npm install connect-solidis express express-session redis
//   NAME=shop REDIS_URL=redis://shop:password@127.0.0.1:6379 node several-apps.mjs
import { fromNodeRedis, SolidisStore } from 'connect-solidis'
import express from 'express'
import session from 'express-session'
import { createClient } from 'redis'

const { NAME = 'shop', PORT = '3000', REDIS_URL, SESSION_SECRET } = process.env

const client = createClient({ url: REDIS_URL, disableOfflineQueue: true })
client.on('error', console.error)
await client.connect()
const store = new SolidisStore({
  client: fromNodeRedis(client),
  prefix: `${NAME}:sess:`,
  // Any user of this Redis can list all keys: see several-apps.md.
  hashKeys: true,
})

const app = express()
app.use(
  session({
    store,
    // Else the apps of one host take each other's cookies: ports do not tell cookies apart.
    name: `${NAME}.sid`,
    secret: SESSION_SECRET || 'only for development',
    resave: false,
    saveUninitialized: false,
    cookie: { maxAge: 30 * 60_000, sameSite: 'lax' },
  }),
)
app.use(express.json())

app.post('/login', (req, res, next) => {
  const { user } = req.body // a real site asks for a password
  req.session.regenerate((error) => {
    if (error) return next(error)
    req.session.user = user
    req.session.save((error) => (error ? next(error) : res.json({ user })))
  })
})

app.get('/profile', ({ session: { user } }, res) => {
  if (user === undefined) return res.status(401).json({ error: 'Not logged in' })
  res.json({ user })
})

app.get('/count', (_req, res, next) => {
  store.length().then((sessions) => res.json({ sessions }), next)
})

app.use((error, _req, res, _next) => {
  res.status(500).json({ error: error.code })
})

const server = app.listen(Number(PORT), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}`)
})
