// The machine and the versions that results hold for.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { arch, cpus, platform, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { createClient } from 'redis'

const PACKAGES = [
  'express',
  'express-session',
  '@vcms-io/solidis',
  'redis',
  'ioredis',
  'connect-redis',
  'connect-valkey',
  '@valkey/valkey-glide',
  'autocannon',
]

const { resolve } = createRequire(import.meta.url)

export async function describeEnvironment(url) {
  const [{ model }] = cpus()
  const packages = { 'connect-solidis': versionIn(new URL('../package.json', import.meta.url)) }
  for (const name of PACKAGES) packages[name] = versionOf(name)
  return {
    date: new Date().toISOString(),
    cpu: model.trim(),
    cores: cpus().length,
    memory: totalmem(),
    os: `${platform()} ${release()} ${arch()}`,
    node: process.version,
    redis: await serverVersion(url),
    packages,
  }
}

async function serverVersion(url) {
  const client = await createClient({ url }).connect()
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
  return null
}

function versionIn(file) {
  return JSON.parse(readFileSync(file)).version
}
