// A chat whose sockets have the session of the site, by ws: see sockets.md. In an empty folder:
//   npm install connect-solidis express express-session redis ws
//   REDIS_URL=redis://127.0.0.1:6379 node ws.mjs
import { createServer, ServerResponse } from 'node:http'
import { fromNodeRedis, SolidisStore } from 'connect-solidis'
import express from 'express'
import session from 'express-session'
import { createClient } from 'redis'
import { WebSocketServer } from 'ws'

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
app.use(sessions)
app.use(express.json())

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
    for (const socket of wss.clients) if (socket.sessionID === sessionID) socket.close(4401)
    res.json({ message: 'Logged out' })
  })
})

const wss = new WebSocketServer({ noServer: true })

server.on('upgrade', (req, socket, head) => {
  // Any page can open a socket to here, and the browser sends the cookie along.
  if (!isSameOrigin(req)) return refuse(socket, '403 Forbidden')
  sessions(req, new ServerResponse(req), (error) => {
    if (error) return refuse(socket, '503 Service Unavailable')
    if (req.session.user === undefined) return refuse(socket, '401 Unauthorized')
    wss.handleUpgrade(req, socket, head, (socket) => serve(socket, req.sessionID))
  })
})

function serve(socket, sessionID) {
  socket.sessionID = sessionID
  socket.on('error', console.error)
  socket.on('message', async (message) => {
    try {
      // The session as it is now: that of the request is as it was when the socket connected.
      const session = await store.get(sessionID)
      if (session?.user === undefined) return socket.close(4401)
      const { who, say } = JSON.parse(message)
      if (who) socket.send(JSON.stringify({ who: session.user }))
      if (say) await broadcast(sessionID, say)
    } catch {
      socket.close(1011)
    }
  })
}

async function broadcast(sessionID, text) {
  const session = await store.update(sessionID, (session) => {
    session.said = (session.said ?? 0) + 1
  })
  if (session === null) return
  for (const socket of wss.clients) socket.send(JSON.stringify({ user: session.user, text }))
}

function isSameOrigin({ headers: { origin, host } }) {
  // Only browsers send it, and they always do.
  return origin === undefined || (URL.canParse(origin) && new URL(origin).host === host)
}

function refuse(socket, status) {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`)
}

server.listen(Number(PORT), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}`)
})
