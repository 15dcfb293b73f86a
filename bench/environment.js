// The machine and the versions that results hold for.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { arch, cpus, platform, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { connectNodeRedis } from './stores.js'

const PACKAGES = [
  'express',
  'express-session',
  '@vcms-io/solidis',
  'redis',
  'ioredis',
  'connect-redis',
  'autocannon',
]

const { resolve } = createRequire(import.meta.url)

export async function describeEnvironment(url) {
  const own = versionIn(new URL('../package.json', import.meta.url))
  return {
    date: new Date().toISOString(),
    machine: `${cpus()[0].model.trim()}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GB`,
    os: `${platform()} ${release()} ${arch()}`,
    node: process.version,
    redis: await serverVersion(url),
    packages: [`connect-solidis ${own}`, ...PACKAGES.map((name) => `${name} ${versionOf(name)}`)],
  }
}

async function serverVersion(url) {
  const client = await connectNodeRedis(url)
  const info = await client.info('server')
  client.destroy()
  const valkey = /^valkey_version:(\S+)/m.exec(info)
  return valkey ? `Valkey ${valkey[1]}` : `Redis ${/^redis_version:(\S+)/m.exec(info)[1]}`
}

/** The folders are searched, because not every package exports its package.json. */
function versionOf(name) {
  for (const folder of resolve.paths(name)) {
    try {
      return versionIn(join(folder, name, 'package.json'))
    } catch {}
  }
  return 'not installed'
}

function versionIn(file) {
  return JSON.parse(readFileSync(file)).version
}
