// Runs the example app on the Redis of REDIS_URL, or on a private one that ends with it.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { findOrStartRedis } from './redis-server.js'

const APP = fileURLToPath(new URL('../example-app/app.js', import.meta.url))

const redis = await findOrStartRedis().catch((error) => {
  console.error(error.message)
  process.exit(1)
})
const env = { ...process.env, REDIS_URL: redis.url }
const app = spawn(process.execPath, [APP], { env, stdio: 'inherit' })
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => app.kill(signal))
if (process.env.npm_lifecycle_event === 'start') endWithParent()
const [code] = await once(app, 'exit')
await redis.stop()
process.exitCode = code ?? 1

/** Between npm and this process is a shell, which a signal ends without being passed on. */
function endWithParent() {
  const parent = process.ppid
  setInterval(() => process.ppid === parent || app.kill('SIGTERM'), 200).unref()
}
