// A site that gives the right answers while Redis fails: see failing-redis.md. In an empty folder:
//   npm install connect-solidis express express-session redis
//   REDIS_URL=redis://127.0.0.1:6379 node failing-redis.mjs
import { fromNodeRedis, RedisError, SolidisStore } from 'connect-solidis'
import express from 'express'
import session from 'express-session'
import { createClient } from 'redis'

const { PORT = '3000', REDIS_URL, SESSION_SECRET } = process.env
/** The store tries at least once a second whether Redis is back. */
const RETRY_AFTER_SECONDS = '2'

const client = createClient({ url: REDIS_URL, disableOfflineQueue: true })
// It goes on trying by itself. What that means for requests, the breaker tells.
client.on('error', () => {})
// Not awaited: without Redis the site starts, too, and says so.
client.connect().catch(() => {})

const store = new SolidisStore({ client: fromNodeRedis(client), timeout: 2000 })
store.on('breaker', ({ state, cause }) => console.error(`store ${state}: ${cause.message}`))
store.on('touchFailed', ({ error }) => console.error(`a session lives no longer: ${error.message}`))

const app = express()

// Before the sessions, so that they need none.
app.get('/live', (_req, res) => {
  res.json({ live: true })
})
app.get('/ready', (_req, res) => {
  res.status(store.state === 'closed' ? 200 : 503).json({ store: store.state })
})

const secret = SESSION_SECRET || 'only for development'
app.use(session({ store, secret, resave: false, saveUninitialized: false }))

app.post('/login', express.json(), (req, res, next) => {
  const { user } = req.body // a real site asks for a password
  req.session.regenerate((error) => {
    if (error) return next(error)
    req.session.user = user
    // Answered only when saved: else the answer would be on its way before.
    req.session.save((error) => {
      if (error) return next(error)
      res.json({ user })
    })
  })
})

app.get('/api/profile', ({ session }, res) => {
  if (session.user === undefined) return res.status(401).json({ error: 'Not logged in' })
  res.json({ user: session.user })
})

app.get('/', ({ session }, res) => {
  res.send(`<!doctype html><title>Home</title><p>${session.user ? 'Logged in' : 'Not logged in'}`)
})

app.use((error, req, res, next) => {
  if (!(error instanceof RedisError) || res.headersSent) return next(error)
  console.error(`${req.method} ${req.path}: ${error.message}`)
  // Else express-session sets a cookie, though the session may not be there.
  req.session = null
  res.status(503).set({ 'Retry-After': RETRY_AFTER_SECONDS, 'Cache-Control': 'no-store' })
  if (req.accepts(['json', 'html']) === 'html') {
    res.send(unavailablePage(req.method))
  } else {
    res.json({ error: 'Sessions are not available. Please try again in a moment.' })
  }
})

/** Tries again by itself, unless that would send a form once more. */
function unavailablePage(method) {
  const refresh = `<meta http-equiv="refresh" content="${RETRY_AFTER_SECONDS}">`
  return `<!doctype html><html lang="en"><title>Unavailable</title>${method === 'GET' ? refresh : ''}
<p>We cannot look up who you are just now. You are still logged in. Please try again in a moment.`
}

const server = app.listen(Number(PORT), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}`)
})
