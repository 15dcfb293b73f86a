// A chat whose sockets have the session of the site, by Socket.IO: see sockets.md. In an empty folder:
//   npm install connect-solidis express express-session redis socket.io
//   REDIS_URL=redis://127.0.0.1:6379 node socket-io.mjs
import { createServer } from 'node:http'
import { fromNodeRedis, handleOf, SolidisStore } from 'connect-solidis'
import express from 'express'
import session from 'express-session'
import { createClient } from 'redis'
import { Server } from 'socket.io'

const { PORT = '3000', REDIS_URL, SESSION_SECRET } = process.env

const client = createClient({ url: REDIS_URL, disableOfflineQueue: true })
client.on('error', console.error)
await client.connect()
const store = new SolidisStore({ client: fromNodeRedis(client) })

const sessions = session({
  store,
  secret: SESSION_SECRET || 'only for development',
  resave: false,
  saveUninitialized: false,
  cookie: { maxAge: 30 * 60_000, sameSite: 'lax' },
})

const app = express()
const server = createServer(app)
const io = new Server(server, {
  // Any page can open a socket to here, and the browser sends the cookie along.
  allowRequest: (req, done) => done(null, isSameOrigin(req)),
})
app.use(sessions)
app.use(express.json())
io.engine.use(sessions)

app.post('/login', (req, res, next) => {
  const { user } = req.body // a real site asks for a password
  req.session.regenerate((error) => {
    if (error) return next(error)
    req.session.user = user
    req.session.save((error) => (error ? next(error) : res.json({ user })))
  })
})

app.get('/profile', ({ session: { user, theme, said } }, res) => {
  if (user === undefined) return res.status(401).json({ error: 'Not logged in' })
  res.json({ user, theme, said })
})

app.post('/theme', (req, res) => {
  if (req.session.user === undefined) return res.status(401).json({ error: 'Not logged in' })
  req.session.theme = req.body.theme
  res.json({ message: 'Saved' })
})

app.post('/logout', (req, res, next) => {
  const { sessionID } = req
  req.session.destroy((error) => {
    if (error) return next(error)
    // Its sockets: with an adapter, those on other servers, too.
    io.in(handleOf(sessionID)).disconnectSockets()
    res.json({ message: 'Logged out' })
  })
})

io.use(({ request }, next) => {
  next(request.session.user === undefined ? new Error('Not logged in') : undefined)
})

io.on('connection', (socket) => {
  const { request } = socket
  const { sessionID } = request
  socket.join(handleOf(sessionID))

  // `request.session` is as it was when the socket connected. Before each event: as it is now.
  socket.use((_event, next) => {
    store.get(sessionID).then((session) => {
      if (session?.user === undefined) return socket.disconnect()
      socket.data.session = session
      next()
    }, next)
  })
  // What `next` was given: Redis does not answer.
  socket.on('error', () => socket.emit('unavailable'))

  socket.on('who', (done) => done(socket.data.session.user))

  socket.on('say', (text, done) => {
    const count = (session) => {
      session.said = (session.said ?? 0) + 1
    }
    store.update(sessionID, count).then(
      (session) => {
        if (session === null) return socket.disconnect()
        io.emit('said', { user: session.user, text })
        done({ said: session.said })
      },
      () => done({ error: 'Please try again' }),
    )
  })

  // The same by the methods of express-session.
  socket.on('theme', (theme, done) => {
    request.session.reload((error) => {
      if (error) return done({ error: 'Please try again' })
      // Another object than before.
      request.session.theme = theme
      request.session.save((error) => done(error ? { error: 'Please try again' } : { theme }))
    })
  })
})

function isSameOrigin({ headers: { origin, host } }) {
  // Only browsers send it, and they always do.
  return origin === undefined || (URL.canParse(origin) && new URL(origin).host === host)
}

server.listen(Number(PORT), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}`)
})
