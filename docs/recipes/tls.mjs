// A store over TLS, as a user of Redis with few rights, by any client: see tls.md. In an empty folder:
//   npm install connect-solidis express-session redis     # or ioredis, or @vcms-io/solidis
//   REDIS_URL=rediss://web:password@redis.example:6379 REDIS_CA=ca.crt node tls.mjs
import { readFileSync } from 'node:fs'
import { fromIoredis, fromNodeRedis, SolidisStore, solidisOptions } from 'connect-solidis'

const { CLIENT = 'redis', REDIS_CA, REDIS_URL } = process.env
/** Whom to trust; without it, the authorities that Node trusts. */
const ca = REDIS_CA && readFileSync(REDIS_CA)

const connect = {
  async redis() {
    const { createClient } = await import('redis')
    const options = { url: REDIS_URL, socket: { tls: true, ca }, disableOfflineQueue: true }
    const client = createClient(options).on('error', console.error)
    return { client: fromNodeRedis(await client.connect()), close: () => client.close() }
  },

  async ioredis() {
    const { Redis } = await import('ioredis')
    const client = new Redis(REDIS_URL, { tls: { ca } }).on('error', console.error)
    return { client: fromIoredis(client), close: () => client.quit() }
  },

  async solidis() {
    const { SolidisClient } = await import('@vcms-io/solidis')
    const client = new SolidisClient({ ...solidisOptions(REDIS_URL), tls: { ca } })
    client.on('error', console.error)
    return { client, close: () => client.quit() }
  },
}

const { client, close } = await connect[CLIENT]()
const store = new SolidisStore({ client, indexBy: (session) => session.user })

// All that a site does, to see that the rights suffice.
const sid = crypto.randomUUID()
await store.set(sid, { cookie: { originalMaxAge: 60_000 }, user: 'ann' })
await store.update(sid, (session) => {
  session.theme = 'dark'
})
const session = await store.get(sid)
await store.touch(sid, session)
const ended = await store.destroyBy('ann', { only: (await store.findBy('ann'))[0].handle })
console.log(JSON.stringify({ theme: session.theme, ended }))
close()
