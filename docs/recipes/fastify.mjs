// A site with a login, on Fastify: see fastify.md. In an empty folder:
//   npm install connect-solidis express-session fastify @fastify/cookie @fastify/session redis
//   REDIS_URL=redis://127.0.0.1:6379 node fastify.mjs
import fastifyCookie from '@fastify/cookie'
import fastifySession from '@fastify/session'
import { fromNodeRedis, RedisError, SolidisStore } from 'connect-solidis'
import { fastifyStore } from 'connect-solidis/fastify'
import fastify from 'fastify'
import { createClient } from 'redis'

const { PORT = '3000', REDIS_URL, SESSION_SECRET } = process.env

const client = createClient({ url: REDIS_URL, disableOfflineQueue: true })
client.on('error', console.error)
await client.connect()
const store = new SolidisStore({ client: fromNodeRedis(client) })

// The addresses of the proxy that ends TLS. A number would not do: Fastify then trusts nobody.
const app = fastify({ trustProxy: 'loopback' })
app.register(fastifyCookie)
app.register(fastifySession, {
  store: fastifyStore(store),
  secret: SESSION_SECRET || 'only for development, and of 32 characters',
  cookieName: 'connect.sid',
  cookiePrefix: 's:',
  saveUninitialized: false,
  cookie: { maxAge: 30 * 60_000, sameSite: 'lax', secure: 'auto' },
})

app.post('/login', async (request) => {
  const { user } = request.body // a real site asks for a password
  await request.session.regenerate()
  // Saved before the answer is sent. `request.session` is another one now.
  request.session.user = user
  return { user }
})

app.post('/logout', async (request, reply) => {
  await request.session.destroy()
  reply.clearCookie('connect.sid')
  return { message: 'Logged out' }
})

app.register(async (members) => {
  members.addHook('preHandler', async ({ session }, reply) => {
    reply.header('Cache-Control', 'no-store')
    if (session.user === undefined) return reply.code(401).send({ error: 'Not logged in' })
  })

  members.get('/profile', async ({ session: { user, theme } }) => ({ user, theme }))

  members.post('/theme', async ({ session, body }) => {
    session.theme = body.theme
    return { message: 'Saved' }
  })
})

app.setErrorHandler((error, _request, reply) => {
  if (!(error instanceof RedisError)) return reply.send(error)
  return reply.code(503).header('Retry-After', '2').send({ error: 'Please try again in a moment' })
})

console.log(await app.listen({ port: Number(PORT), host: '127.0.0.1' }))
