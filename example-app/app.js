import { fileURLToPath } from 'node:url'
import { SolidisStore } from 'connect-solidis'
import express from 'express'
import session from 'express-session'
import { production, redisUrl, sessionSecret } from './config.js'
import { answerError, answerNotFound } from './errors.js'
import { openRedis } from './redis.js'
import { ready, routes } from './routes.js'
import { serve } from './serve.js'

const { client, close } = await openRedis(redisUrl)
const store = new SolidisStore({ client })

const sessions = session({
  store,
  secret: sessionSecret,
  resave: false,
  saveUninitialized: false,
  rolling: true,
  cookie: { httpOnly: true, sameSite: 'strict', secure: production, maxAge: 60 * 60 * 1000 },
})

const app = express()
// In production TLS ends at a proxy, whose word on it a secure cookie needs.
app.set('trust proxy', production ? 1 : false)
app.use(express.static(fileURLToPath(new URL('public', import.meta.url))))
app.get('/ready', ready(store))
app.use('/api', express.json(), sessions, routes(store))
app.use(answerNotFound, answerError)

serve(app, close)
