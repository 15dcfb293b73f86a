// The process that is measured: one store, as a web server (`server`: express or node) or for bare calls.
import { once } from 'node:events'
import { createServer } from 'node:http'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import express from 'express'
import session from 'express-session'
import { runCalls, WORKLOADS } from './calls.js'
import { answerQuestions, taskOfThisProcess } from './child.js'
import { cookieOf, FIRST_COUNT, loadSession, MAX_AGE_MS, newSession, SECRET } from './sessions.js'
import { connectNodeRedis, openStore } from './stores.js'

const SETTLE_MS = 200
const FILL_AT_ONCE = 64

const task = taskOfThisProcess()
const { url, prefix, payload, sessions, clients, server: kind } = task
const store = await openStore(task)
const get = promisify((sid, done) => loadSession(store, sid, done))
const set = promisify((sid, session, done) => store.set(sid, session, done))
const destroy = promisify((sid, done) => store.destroy(sid, done))

const sids = await fill(0, sessions)
/** The one that all clients change, in which each has a counter. */
const [hotSid] = kind ? await fill(sessions, 1, clients) : []
/** The requests that were handled. */
const handled = { reading: 0, writing: 0, hot: 0 }

const origin = kind === undefined ? undefined : await listen()
answerQuestions(
  {
    async cpu() {
      const { user, system } = process.cpuUsage()
      return { cpu: user + system, requests: handled.reading + handled.writing + handled.hot }
    },
    calls: ({ workload, atOnce, ms }) => runCalls(WORKLOADS[workload], store, sids, atOnce, ms),
    /** The part of the changes that is not in the sessions, and the bytes of one in Redis. */
    async check({ workload }) {
      let lost = 1
      // Requests that the end of the load cut off are saved all the same.
      for (let tries = 0; lost !== 0 && tries < 10; tries++) {
        await sleep(SETTLE_MS)
        lost = 1 - (await countKept(workload)) / handled[workload]
      }
      return { lost, bytes: await bytesOf(sids[0]) }
    },
    undoneLogouts,
    async many() {
      const sample = {}
      for (const method of ['length', 'all', 'clear']) {
        const { result, ...figures } = await walk(method)
        if (result !== (method === 'clear' ? 0 : sessions)) throw new Error(`${method}: ${result}`)
        for (const [figure, value] of Object.entries(figures)) sample[`${method} ${figure}`] = value
      }
      if ((await walk('length')).result !== 0) throw new Error('clear left sessions')
      return sample
    },
  },
  kind ? { origin, cookies: sids.map(cookieOf), hotCookie: cookieOf(hotSid) } : {},
)

async function fill(from, count, counters = 0) {
  const filled = []
  const filler = async () => {
    while (filled.length < count) {
      const session = newSession(store, from + filled.length, payload, counters)
      filled.push(session.id)
      await set(session.id, session)
    }
  }
  await Promise.all(Array.from({ length: FILL_AT_ONCE }, filler))
  return filled
}

async function listen() {
  const cookie = { maxAge: MAX_AGE_MS }
  const middleware = session({
    ...{ store, secret: SECRET, resave: false, saveUninitialized: false, cookie },
  })
  const handlers = {
    '/reading'(req, res) {
      handled.reading++
      res.end(String(req.session.count))
    },
    '/writing'(req, res) {
      handled.writing++
      res.end(String(++req.session.count))
    },
    // Each client counts in an attribute of its own, so that no change needs to be lost.
    '/hot'(req, res) {
      handled.hot++
      res.end(String(++req.session[`c${req.headers['x-client']}`]))
    },
  }
  const app = kind === 'express' ? express() : undefined
  app?.disable('x-powered-by').use(middleware)
  for (const [path, handler] of Object.entries(handlers)) app?.get(path, handler)
  const bare = (req, res) => middleware(req, res, () => handlers[req.url](req, res))
  const server = createServer(app ?? bare).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${server.address().port}`
}

/** The changes that are in the sessions. */
async function countKept(workload) {
  let kept = 0
  if (workload === 'hot') {
    const hot = await get(hotSid)
    for (let i = 0; i < clients; i++) kept += hot[`c${i}`] - FIRST_COUNT
  } else {
    for (const sid of sids) kept += (await get(sid)).count - FIRST_COUNT
  }
  return kept
}

/** The part of the logouts that a request undoes which began before and changes the session after. */
async function undoneLogouts() {
  let undone = 0
  for (const sid of sids) {
    const slow = await get(sid)
    await destroy(sid)
    slow.count++
    await set(sid, slow).catch(() => {})
    if (await promisify((done) => store.get(sid, done))()) undone++
  }
  return { undone: undone / sids.length }
}

/** Calls a method once: its time, CPU time, and for how long nothing else could run. */
async function walk(method) {
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  await sleep(SETTLE_MS)
  delay.reset()
  const before = process.cpuUsage()
  const begin = performance.now()
  const found = await promisify((done) => store[method](done))()
  const ms = performance.now() - begin
  const { user, system } = process.cpuUsage(before)
  // The longest pause may have been the last.
  await sleep(SETTLE_MS)
  delay.disable()
  const result = Array.isArray(found) ? found.length : (found ?? 0)
  return { result, ms, cpu: (user + system) / 1000, pause: delay.max / 1e6 }
}

async function bytesOf(sid) {
  if (task.store === 'memory') return undefined
  const client = await connectNodeRedis(url)
  const bytes = await client.memoryUsage(prefix + sid)
  client.destroy()
  return bytes
}
