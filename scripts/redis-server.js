// A Redis that is simply there: the one of REDIS_URL, else a private server that lives as long as
// this process needs it.
import { execFileSync, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from 'redis'

const PROGRAMS = ['redis-server', 'valkey-server']
const READY_WITHIN_MS = 10_000
/**
 * Below those that systems give to outgoing connections, one of which could take a port before a server
 * listens on it, or while it is started anew.
 */
const PORTS = [10_000, 30_000]

/** What runs, to be ended with this process. */
const running = new Set()
process.once('exit', () => {
  for (const server of running) server.kill('SIGKILL')
})

/**
 * Gives the URL of a Redis server, and `stop`, which ends it if it was started here.
 * @returns {Promise<{ url: string, stop: () => Promise<void> }>}
 */
export async function findOrStartRedis() {
  if (process.env.REDIS_URL) return { url: process.env.REDIS_URL, stop: async () => {} }
  return startRedis(findProgram() ?? installProgram())
}

/**
 * Starts a private server.
 * @param {string} [program]
 * @param {string[]} [options] what it is to be besides, such as a node of a cluster
 * @param {number} [port] a free one, if none is given
 * @param {string} [folder] where its data is; one of its own, if none is given. `stop` removes it.
 */
export async function startRedis(
  program = findProgram() ?? installProgram(),
  options = ['--save', '', '--appendonly', 'no'],
  port = undefined,
  folder = mkdtempSync(join(tmpdir(), 'connect-solidis-')),
) {
  port ??= await freePort()
  const place = ['--bind', '127.0.0.1', '--port', String(port), '--dir', folder]
  const server = spawn(program, [...options, ...place], {
    stdio: 'ignore',
    // Ctrl+C is for this process, which ends the server when it no longer needs it.
    detached: true,
  })
  running.add(server)
  const stop = async () => {
    running.delete(server)
    if (server.exitCode === null && server.kill('SIGTERM')) await once(server, 'exit')
    rmSync(folder, { recursive: true, force: true })
  }
  const url = `redis://127.0.0.1:${port}`
  try {
    await ready(url, server)
  } catch (cause) {
    await stop()
    throw new Error(`${program} did not start on port ${port}`, { cause })
  }
  return { url, pid: server.pid, port, folder, stop }
}

function findProgram() {
  return PROGRAMS.find((program) => succeeds(program, ['--version']))
}

function installProgram() {
  const root = process.getuid?.() === 0
  const sudo = !root && succeeds('sudo', ['-n', 'true'])
  if (process.platform !== 'linux' || !(root || sudo) || !succeeds('apt-get', ['--version'])) {
    throw new Error(
      'No redis-server or valkey-server found. Set REDIS_URL, or install one: ' +
        'Debian/Ubuntu: sudo apt-get install redis-server; Fedora: sudo dnf install valkey; ' +
        'Alpine: apk add redis; macOS: brew install redis; ' +
        'Windows: docker run -p 6379:6379 redis, and REDIS_URL=redis://127.0.0.1:6379',
    )
  }
  console.error('No redis-server or valkey-server found: installing redis-server with apt-get ...')
  const run = (...args) =>
    execFileSync(root ? 'apt-get' : 'sudo', root ? args : ['-n', 'apt-get', ...args], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    })
  run('update')
  run('install', '-y', '--no-install-recommends', 'redis-server')
  return findProgram()
}

function succeeds(program, args) {
  try {
    execFileSync(program, args, { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** Gives a port of this machine that nobody listens on. */
export async function freePort() {
  const server = createServer().listen(randomInt(...PORTS), '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch (error) {
    if (error.code === 'EADDRINUSE') return freePort()
    throw error
  }
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

async function ready(url, server) {
  const giveUpAt = Date.now() + READY_WITHIN_MS
  for (;;) {
    const client = createClient({ url, socket: { reconnectStrategy: false } })
    client.on('error', () => {})
    try {
      await client.connect()
      await client.ping()
      return
    } catch (error) {
      if (Date.now() > giveUpAt || server.exitCode !== null) throw error
      await new Promise((resolve) => setTimeout(resolve, 20))
    } finally {
      // node-redis 5 throws where there is nothing to close.
      if (client.isOpen) client.destroy()
    }
  }
}
