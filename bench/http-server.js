// An Express app with one of the stores.
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import express from 'express'
import session from 'express-session'
import { answerQuestions, taskOfThisProcess } from './child.js'
import { openStore } from './interleave.js'
import { attributesOf, FIRST_VIEW, MAX_AGE_MS, sessionId, textOf } from './sessions.js'
import { storeNamed } from './stores.js'
import { WORKLOADS } from './workloads.js'

const SECRET = 'not a secret'
const SETTLE_MS = 200

const { store: name, url, prefix, connections, payload } = taskOfThisProcess()
const { store, storage } = await openStore(storeNamed(name), url, prefix)
const sids = Array.from({ length: connections }, (_, index) => sessionId(index))
const hotSid = sessionId(connections)
await storage.fill(sids, textOf(attributesOf(payload)))
await storage.fill([hotSid], textOf(attributesOf(payload, connections)))
let changed = 0

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
// Each client counts in an attribute of its own, so that no change needs to be lost.
app.get('/hot', (req, res) => {
  req.session[`c${req.get('x-client')}`]++
  changed++
  res.json({})
})

const server = app.listen(0, '127.0.0.1')
await once(server, 'listening')
answerQuestions(async ({ verify }) => {
  if (verify === 'reading') await WORKLOADS.reading.verify({ store, storage })
  const { views } = await storage.read(sids[0])
  if (verify === 'writing' && !(views > FIRST_VIEW)) throw new Error('HTTP: nothing was written')
  if (verify === 'hot') {
    // Requests that the end of the load cut off are saved all the same.
    await sleep(SETTLE_MS)
    return { lost: 1 - (await countChanges()) / changed }
  }
})
process.send({
  origin: `http://127.0.0.1:${server.address().port}`,
  cookies: sids.map(cookieOf),
  hotCookie: cookieOf(hotSid),
})

/** The changes of the hot session that Redis holds. */
async function countChanges() {
  const stored = await storage.read(hotSid)
  let changes = 0
  for (let client = 0; client < connections; client++) changes += stored[`c${client}`] - FIRST_VIEW
  return changes
}

function cookieOf(sid) {
  return `connect.sid=s%3A${encodeURIComponent(sign(sid))}`
}

function sign(sid) {
  const signature = createHmac('sha256', SECRET).update(sid).digest('base64').replace(/=+$/, '')
  return `${sid}.${signature}`
}
