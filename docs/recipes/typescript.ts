// A site in TypeScript, whose sessions have a type: see typescript.md. In an empty folder:
//   npm install connect-solidis express express-session redis
//   npm install --save-dev typescript @types/node @types/express @types/express-session
//   npx tsc --module nodenext --target es2023 --types node --strict typescript.ts
//   REDIS_URL=redis://127.0.0.1:6379 node typescript.js
import { fromNodeRedis, SolidisStore } from 'connect-solidis'
import express from 'express'
import session from 'express-session'
import { createClient } from 'redis'

declare module 'express-session' {
  interface SessionData {
    user: { id: string; name: string }
    theme: 'dark' | 'light'
  }
}

const { PORT = '3000', REDIS_URL, SESSION_SECRET } = process.env

async function start() {
  const client = createClient({ url: REDIS_URL ?? 'redis://', disableOfflineQueue: true })
  client.on('error', console.error)
  await client.connect()
  const store = new SolidisStore({
    client: fromNodeRedis(client),
    indexBy: ({ user }) => user?.id,
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

  app.post('/login', (req, res, next) => {
    const { user } = req.body as { user: string } // a real site asks for a password, and checks
    req.session.regenerate((error) => {
      if (error) return next(error)
      req.session.user = { id: user, name: user }
      req.session.save((error) => (error ? next(error) : res.json({ user })))
    })
  })

  app.get('/profile', ({ session: { user, theme } }, res) => {
    if (user === undefined) {
      res.status(401).json({ error: 'Not logged in' })
      return
    }
    // It is known to be there by now.
    res.json({ user: user.name, theme })
  })

  app.post('/theme', (req, res) => {
    if (req.session.user === undefined) {
      res.status(401).json({ error: 'Not logged in' })
      return
    }
    const { theme } = req.body as { theme: unknown }
    req.session.theme = theme === 'dark' ? 'dark' : 'light'
    res.json({ message: 'Saved' })
  })

  app.post('/logout', (req, res, next) => {
    req.session.destroy((error) => (error ? next(error) : res.json({ message: 'Logged out' })))
  })

  /** Outside of requests the attributes have their types, too. */
  app.get('/themes', async (_req, res) => {
    const count = { dark: 0, light: 0 }
    for await (const [, { theme }] of store) if (theme !== undefined) count[theme]++
    res.json(count)
  })

  const server = app.listen(Number(PORT), '127.0.0.1', () => {
    const address = server.address()
    console.log(`http://127.0.0.1:${typeof address === 'object' ? address?.port : PORT}`)
  })
}
start()
