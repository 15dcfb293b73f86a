import { fileURLToPath } from 'node:url'
import { SolidisStore } from 'connect-solidis'
import express from 'express'
import session from 'express-session'
import { production, redisDatabase, redisUrl, sessionSecret } from './config.js'
import { answerError, answerNotFound } from './errors.js'
import { routes } from './routes.js'
import { serve } from './serve.js'
import { SolidisClient } from './solidis.js' // in your app: from '@vcms-io/solidis'

// The client connects by itself, now and whenever the connection is lost.
const client = new SolidisClient({ uri: redisUrl, database: redisDatabase })
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
app.use('/api', express.json(), sessions, routes(store))
app.use(answerNotFound, answerError)

serve(app, client)
