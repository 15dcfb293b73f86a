// A site with a login, on Connect: see connect.md. In an empty folder:
//   npm install connect-solidis connect express-session redis
//   REDIS_URL=redis://127.0.0.1:6379 node connect.mjs
import { json } from 'node:stream/consumers'
import connect from 'connect'
import { fromNodeRedis, SolidisStore } from 'connect-solidis'
import session from 'express-session'
import { createClient } from 'redis'

const { PORT = '3000', REDIS_URL, SESSION_SECRET } = process.env

const client = createClient({ url: REDIS_URL, disableOfflineQueue: true })
client.on('error', console.error)
await client.connect()

const app = connect()
app.use(
  session({
    store: new SolidisStore({ client: fromNodeRedis(client) }),
    secret: SESSION_SECRET || 'only for development',
    resave: false,
    saveUninitialized: false,
    // Behind a proxy that ends TLS.
    proxy: true,
    cookie: { maxAge: 30 * 60_000, sameSite: 'lax', secure: 'auto' },
  }),
)

const routes = {
  async 'POST /login'(req, res, next) {
    const { user } = await json(req) // a real site asks for a password
    req.session.regenerate((error) => {
      if (error) return next(error)
      req.session.user = user
      req.session.save((error) => (error ? next(error) : answer(res, 200, { user })))
    })
  },

  async 'POST /logout'(req, res, next) {
    req.session.destroy((error) => {
      if (error) return next(error)
      answer(res, 200, { message: 'Logged out' })
    })
  },

  async 'GET /profile'({ session: { user, theme } }, res) {
    if (user === undefined) return answer(res, 401, { error: 'Not logged in' })
    answer(res, 200, { user, theme })
  },

  async 'POST /theme'(req, res) {
    if (req.session.user === undefined) return answer(res, 401, { error: 'Not logged in' })
    const { theme } = await json(req)
    req.session.theme = theme
    answer(res, 200, { message: 'Saved' })
  },
}

app.use((req, res, next) => {
  const route = `${req.method} ${req.url}`
  if (!Object.hasOwn(routes, route)) return next()
  // Connect knows nothing of promises: what fails has to come to `next`.
  routes[route](req, res, next).catch(next)
})

function answer(res, status, body) {
  res.writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' })
  res.end(JSON.stringify(body))
}

const server = app.listen(Number(PORT), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}`)
})
