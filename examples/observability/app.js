// A site whose sessions can be watched: see README.md. To run it: REDIS_URL=redis://127.0.0.1:6379 npm start
import { context, SpanKind, trace } from '@opentelemetry/api'
import { fromNodeRedis, SolidisStore } from 'connect-solidis'
import express from 'express'
import session from 'express-session'
import { createClient } from 'redis'
import { observeSessions } from './observe-sessions.js'
import { contextStorage, metricsPage, stopTelemetry } from './telemetry.js'

const { PORT = '3000', REDIS_URL, SESSION_SECRET } = process.env

observeSessions(contextStorage)

const client = createClient({ url: REDIS_URL, disableOfflineQueue: true })
client.on('error', () => {}) // the breaker tells
await client.connect()
const store = new SolidisStore({ client: fromNodeRedis(client), timeout: 2000 })

const app = express()
// Before the sessions, which it does not need. A real site has it where only Prometheus comes.
app.get('/metrics', metricsPage)

/** As much of OpenTelemetry's instrumentation of HTTP as shows how its spans and those of sessions meet. */
const tracer = trace.getTracer('app')
app.use((req, res, next) => {
  const attributes = { 'http.request.method': req.method, 'url.path': req.path }
  const span = tracer.startSpan(`${req.method} ${req.path}`, { kind: SpanKind.SERVER, attributes })
  res.once('close', () => {
    span.setAttribute('http.response.status_code', res.statusCode)
    span.end()
  })
  context.with(trace.setSpan(context.active(), span), next)
})
app.use(
  session({
    store,
    secret: SESSION_SECRET || 'only for development',
    resave: false,
    saveUninitialized: false,
  }),
)

app.post('/login', express.json(), (req, res, next) => {
  req.session.regenerate((error) => {
    if (error) return next(error)
    req.session.user = req.body.user // a real site asks for a password
    req.session.save((error) => (error ? next(error) : res.json({ user: req.body.user })))
  })
})

app.get('/', (req, res) => {
  // A span of the app's own is one of the request, not of the call that has read its session.
  tracer.startActiveSpan('greet', (span) => {
    res.json({ user: req.session.user ?? null })
    span.end()
  })
})

/** Takes its time, so that two of them meet. */
app.post('/visits/:page', (req, res) => {
  setTimeout(() => {
    req.session[`visited ${req.params.page}`] = true
    res.json({ visited: req.params.page })
  }, 100)
})

const server = app.listen(Number(PORT), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}`)
})

process.once('SIGTERM', async () => {
  server.close()
  await stopTelemetry()
  client.destroy()
})
