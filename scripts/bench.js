// Runs bench/ with what it needs: the library built, its own packages, and a Redis. The arguments
// are passed on: see bench/README.md.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { findOrStartRedis } from './redis-server.js'

process.chdir(fileURLToPath(new URL('..', import.meta.url)))
if (isBuildStale()) npm('run', 'build', '--silent')
if (!isInstalled()) {
  // Only errors: connect-redis 10 asks for Node 22, but works on those that are supported here.
  npm('ci', '--prefix', 'bench', '--no-audit', '--no-fund', '--loglevel', 'error')
}

const redis = await findOrStartRedis()
const bench = spawn(process.execPath, ['bench/main.js', ...process.argv.slice(2)], {
  stdio: 'inherit',
  env: { ...process.env, REDIS_URL: redis.url },
})
// Whoever ends this process ends the servers too, which would else live on.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => bench.kill(signal))
const [code] = await once(bench, 'exit')
await redis.stop()
process.exitCode = code ?? 1

function isInstalled() {
  const written = 'bench/node_modules/.package-lock.json'
  return (
    existsSync(written) && statSync(written).mtimeMs > statSync('bench/package-lock.json').mtimeMs
  )
}

function isBuildStale() {
  const built = ['dist/esm/index.js', 'dist/esm/package.json']
  if (!built.every((file) => existsSync(file))) return true
  const modified = (file) => statSync(file).mtimeMs
  const newest = Math.max(
    ...readdirSync('lib', { recursive: true }).map((file) => modified(`lib/${file}`)),
  )
  return newest > modified(built[0])
}

function npm(...args) {
  const { status } = spawnSync('npm', args, {
    stdio: ['ignore', process.stderr, 'inherit'],
    shell: process.platform === 'win32',
  })
  if (status !== 0) throw new Error(`npm ${args.join(' ')} failed`)
}
