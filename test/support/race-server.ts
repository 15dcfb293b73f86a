// One process of a site, for tests of races over HTTP. It prints its port when it is ready.
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import express from 'express'
import session from 'express-session'
import { SolidisStore } from '../../lib/index.ts'
import { mainKind } from './clients.ts'
import { ENCRYPTED } from './encrypted.ts'

const { client } = await mainKind.connect(process.env.REDIS_URL)
const options = JSON.parse(process.env.RACE_OPTIONS ?? '{}')
const store = new SolidisStore({
  client,
  prefix: process.env.RACE_PREFIX,
  ...ENCRYPTED,
  ...options,
})

/** What lets each request go on that waits, by the name that the test gave it. */
const waiting = new Map<string, () => void>()

/** Resolves when the test lets the request of this name go on; at once if it has none. */
function released(name: unknown): Promise<void> {
  if (typeof name !== 'string') return Promise.resolve()
  return new Promise((resolve) => waiting.set(name, resolve))
}

const app = express()
app.get('/waiting', (_req, res) => {
  res.json([...waiting.keys()])
})
app.get('/release', (_req, res) => {
  for (const release of waiting.values()) release()
  waiting.clear()
  res.end()
})
app.use(session({ store, secret: 'secret', resave: false, saveUninitialized: false }))
app.get('/login', (req, res) => {
  Object.assign(req.session, req.query)
  res.json(req.sessionID)
})
app.get('/who', (req, res) => {
  const { user } = req.session as { user?: string }
  res.status(user === undefined ? 401 : 200).json(user)
})
app.get('/logout', (req, res, next) => {
  req.session.destroy((error) => (error ? next(error) : res.end()))
})
app.get('/change', async (req, res) => {
  const { wait, ...changes } = req.query
  await released(wait)
  Object.assign(req.session, changes)
  res.end()
})
app.get('/delete', (req, res) => {
  Reflect.deleteProperty(req.session, String(req.query.name))
  res.end()
})

const server = app.listen(0, '127.0.0.1')
await once(server, 'listening')
console.log((server.address() as AddressInfo).port)
process.stdin.on('end', () => process.exit()).resume()
