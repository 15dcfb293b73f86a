// An Express app with one of the stores.
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import express from 'express'
import session from 'express-session'
import { answerQuestions, taskOfThisProcess } from './child.js'
import { openStore } from './interleave.js'
import { attributesOf, FIRST_VIEW, MAX_AGE_MS, sessionId, textOf } from './sessions.js'
import { storeNamed } from './stores.js'
import { WORKLOADS } from './workloads.js'

const SECRET = 'not a secret'

const { store: name, url, prefix, connections, payload } = taskOfThisProcess()
const { store, storage } = await openStore(storeNamed(name), url, prefix)
const sids = Array.from({ length: connections }, (_, index) => sessionId(index))
await storage.fill(sids, textOf(attributesOf(payload)))

const app = express()
app.disable('x-powered-by')
app.disable('etag')
app.use(
  session({
    store,
    secret: SECRET,
    resave: false,
    saveUninitialized: false,
    cookie: { maxAge: MAX_AGE_MS },
  }),
)
app.get('/reading', (req, res) => {
  res.json({ views: req.session.views })
})
app.get('/writing', (req, res) => {
  req.session.views++
  res.json({ views: req.session.views })
})

const server = app.listen(0, '127.0.0.1')
await once(server, 'listening')
answerQuestions(async ({ verify }) => {
  if (verify === 'reading') await WORKLOADS.reading.verify({ store, storage })
  const { views } = await storage.read(sids[0])
  if (verify === 'writing' && !(views > FIRST_VIEW)) throw new Error('HTTP: nothing was written')
})
process.send({
  origin: `http://127.0.0.1:${server.address().port}`,
  cookies: sids.map((sid) => `connect.sid=s%3A${encodeURIComponent(sign(sid))}`),
})

function sign(sid) {
  const signature = createHmac('sha256', SECRET).update(sid).digest('base64').replace(/=+$/, '')
  return `${sid}.${signature}`
}
