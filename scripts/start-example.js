// Runs the example app on the Redis of REDIS_URL, or on a private one that ends with it, and that the
// app's page "Break it" may break.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { FaultyRedis } from './faulty-redis.js'

const APP = fileURLToPath(new URL('../example-app/app.js', import.meta.url))

const { EXAMPLE_PRIVATE_REDIS: _, ...env } = process.env
let tell = () => {}
const redis = env.REDIS_URL ? undefined : await startPrivateRedis()
const app = spawn(process.execPath, [APP], { env, stdio: ['inherit', 'inherit', 'inherit', 'ipc'] })
if (redis) {
  tell = (state) => app.connected && app.send({ redis: state })
  app.on('message', ({ fault }) => redis.cause(fault))
}
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => app.kill(signal))
if (process.env.npm_lifecycle_event === 'start') endWithParent()
const [code] = await once(app, 'exit')
await redis?.end()
process.exitCode = code ?? 1

async function startPrivateRedis() {
  try {
    const redis = await FaultyRedis.start((state) => tell(state))
    Object.assign(env, { REDIS_URL: redis.url, EXAMPLE_PRIVATE_REDIS: '1' })
    return redis
  } catch (error) {
    console.error(error.message)
    process.exit(1)
  }
}

/** Between npm and this process is a shell, which a signal ends without being passed on. */
function endWithParent() {
  const parent = process.ppid
  setInterval(() => process.ppid === parent || app.kill('SIGTERM'), 200).unref()
}
