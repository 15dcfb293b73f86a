// A site over the Redis of REDIS_URL, and what a visitor does there. It ends by an error, or with the number
// of checks as what it prints.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import express from 'express'
import session from 'express-session'
import { Redis } from 'ioredis'
import { createClient } from 'redis'

const url = process.env.REDIS_URL
let checks = 0

/** @param lib `connect-solidis`, imported or required, and `adapter` its `/fastify` */
export async function useSite(lib, adapter) {
  const nodeRedis = await createClient({ url }).on('error', console.error).connect()
  const ioredis = new Redis(url)
  for (const client of [lib.fromNodeRedis(nodeRedis), lib.fromIoredis(ioredis)]) {
    const store = new lib.SolidisStore({ client, prefix: `smoke:${process.pid}:${Date.now()}:` })
    equal(typeof adapter.fastifyStore(store).get, 'function')
    await visit(store)
    const error = await store.get(1).catch((error) => error)
    equal(error.code, 'ERR_INVALID_ARG_TYPE')
  }
  nodeRedis.destroy()
  ioredis.disconnect()
  console.log(checks)
}

async function visit(store) {
  const app = express()
  app.use(session({ store, secret: 'secret', resave: false, saveUninitialized: false }))
  app.get('/set/:name/:value', (req, res) => {
    req.session[req.params.name] = req.params.value
    if (req.query.slow === undefined) res.end()
    else waiting.push(res)
  })
  app.get('/shown', (req, res) => {
    const { cookie, ...attributes } = req.session
    res.json(attributes)
  })
  app.get('/logout', (req, res) =>
    req.session.destroy((error) => res.status(error ? 500 : 200).end()),
  )
  const waiting = []
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const get = async (path, cookie = '') => {
    const site = `http://127.0.0.1:${server.address().port}`
    const response = await fetch(site + path, { headers: { cookie, connection: 'close' } })
    equal(response.status, 200)
    return response
  }

  const login = await get('/set/user/ann')
  await login.text()
  const cookie = login.headers.get('set-cookie').split(';')[0]
  const shown = async () => (await get('/shown', cookie)).json()
  equal(await shown(), { user: 'ann' })

  // A request that overlaps another loses nothing of it.
  const slow = get('/set/cart/book?slow', cookie)
  while (waiting.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  await get('/set/theme/dark', cookie)
  waiting.pop().end()
  await slow
  equal(await shown(), { user: 'ann', cart: 'book', theme: 'dark' })

  await get('/logout', cookie)
  equal(await shown(), {})
  equal(await store.length(), 0)
  server.close()
}

function equal(actual, expected) {
  assert.deepEqual(actual, expected)
  checks++
}
