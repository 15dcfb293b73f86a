// One process of the site that `npm run soak` asks. It tells its port, and then what it is asked for.
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import express, { type ErrorRequestHandler, type Request } from 'express'
import session from 'express-session'
import { type RedisError, SolidisStore } from '../../lib/index.ts'
import { clientKinds, mainKind } from '../support/clients.ts'
import type { RequestSession } from '../support/requests.ts'

/** What a process of the site says of itself. */
export interface Health {
  readonly heapUsed: number
  readonly unhandled: number
}

const TIMEOUT_MS = 1000

let unhandled = 0
process.on('unhandledRejection', () => unhandled++)
process.on('uncaughtException', () => unhandled++)

const kind = clientKinds.find(({ name }) => name.toLowerCase() === process.env.CLIENT) ?? mainKind
const { client } = await kind.connect(process.env.REDIS_URL)
const store = new SolidisStore({ client, timeout: TIMEOUT_MS })

const app = express()
app.use(session({ store, secret: 'secret', resave: false, saveUninitialized: false }))
app.post('/login/:whose/:n', (req, res, next) => {
  const { whose, n } = req.params
  Object.assign(req.session, { whose, n: Number(n) })
  req.session.save((error) => (error ? next(error) : res.json(describe(req))))
})
app.get('/page', (req, res) => {
  res.json(describe(req))
})
app.post('/change/:n', (req, res, next) => {
  if (attributes(req).whose === undefined) return void res.json(describe(req))
  attributes(req).n = Number(req.params.n)
  req.session.save((error) => (error ? next(error) : res.json(describe(req))))
})
app.post('/logout', (req, res, next) => {
  req.session.destroy((error) => (error ? next(error) : res.json({})))
})
const failed: ErrorRequestHandler = ({ code }: RedisError, _req, res, next) => {
  if (res.headersSent) next()
  else res.status(503).set('Retry-After', '1').json({ code })
}
app.use(failed)

const server = app.listen(0, '127.0.0.1')
// Else it closes connections that are idle, now and then under a request: a page that does not come.
server.keepAliveTimeout = 0
await once(server, 'listening')
process.on('message', () => {
  globalThis.gc?.()
  const health: Health = { heapUsed: process.memoryUsage().heapUsed, unhandled }
  process.send?.(health)
})
process.on('disconnect', () => process.exit())
process.send?.((server.address() as AddressInfo).port)

function attributes(req: Request): RequestSession {
  return req.session as RequestSession
}

function describe(req: Request) {
  const { whose, n } = attributes(req)
  return { sid: req.sessionID, whose, n }
}
