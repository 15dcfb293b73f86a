import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { Server } from '../faults/server.ts'
import { Relay } from '../support/relay.ts'
import { Browser, Tally } from './browser.ts'
import { FAULTS } from './faults.ts'
import type { Health } from './site.ts'

const PROCESSES = 2
const BROWSERS = 200
/** More than there is time for. */
const MAX_REQUESTS = 1_000_000
const REPORT_EVERY_MS = 10_000
const MIN_FAULT_MS = 200
const MAX_FAULT_MS = 2500
/** Between two faults, and at the end, so that what is late has come. */
const REST_MS = 2500

/** Lets a site be used while everything goes wrong; gives whether it kept its promises. */
export async function soak(seconds: number, seed: number, client: string): Promise<boolean> {
  const server = await Server.start(true)
  const relay = new Relay(server.url)
  await relay.open()
  const sites = await Promise.all(
    Array.from({ length: PROCESSES }, () => startSite(relay.url, client)),
  )
  const ports = sites.map(({ port }) => port)
  const tally = new Tally()
  const startedAt = Date.now()
  const endsAt = startedAt + seconds * 1000
  const isOver = () => Date.now() > endsAt || tally.requests >= MAX_REQUESTS
  try {
    const healthBefore = await Promise.all(sites.map(healthOf))
    const browsers = Array.from({ length: BROWSERS }, () => new Browser(ports, tally).run(isOver))
    const faults: Record<string, number> = {}
    const progress = setInterval(() => {
      const elapsed = Math.round((Date.now() - startedAt) / 1000)
      const failed = Object.values(tally.failed).reduce((sum, count) => sum + count, 0)
      console.log(
        `${elapsed} s: ${tally.requests} requests, ${failed} failed, ${tally.broken} promises broken`,
      )
    }, REPORT_EVERY_MS)
    const random = randomOf(seed)
    while (Date.now() + REST_MS < endsAt) {
      const names = Object.keys(FAULTS)
      const name = names[Math.floor(random() * names.length)] as string
      const ms = MIN_FAULT_MS + random() ** 2 * (MAX_FAULT_MS - MIN_FAULT_MS)
      faults[name] = (faults[name] ?? 0) + 1
      await FAULTS[name]?.(server, relay, ms)
      await sleep(random() * REST_MS)
    }
    await Promise.all(browsers)
    clearInterval(progress)
    await sleep(REST_MS)
    for (const ledger of tally.ledgers) {
      const payload = await server.ask('GET', `sess:${ledger.sid}`)
      tally.observe(ledger, payload === null ? null : Number(JSON.parse(String(payload)).n))
    }
    const health = await Promise.all(sites.map(healthOf))
    const unhandled = health.reduce((sum, each) => sum + each.unhandled, 0)
    const { requests, lost, revived, late, foreign, unsettled, slowestMs } = tally
    console.table({
      requests,
      sessions: tally.ledgers.length,
      'lost although acknowledged': lost,
      'back to life': revived,
      'written late': late,
      "another's": foreign,
      unsettled,
      'pages cut off': tally.pagesCutOff,
      unhandled,
      'slowest, ms': Math.round(slowestMs),
      'memory at the start, MB': megabytes(healthBefore),
      'memory at the end, MB': megabytes(health),
    })
    console.log('failed, by code:', tally.failed)
    console.log('cut off:', tally.cutOff)
    console.log('faults:', faults)
    return tally.broken === 0 && unhandled === 0 && requests > 0
  } finally {
    for (const { child } of sites) child.kill()
    await relay.close()
    await server.stop()
  }
}

interface Site {
  readonly child: ChildProcess
  readonly port: number
}

async function startSite(redisUrl: string, client: string): Promise<Site> {
  const env = { ...process.env, REDIS_URL: redisUrl, CLIENT: client }
  const options = { env, execArgv: ['--expose-gc'] }
  const child = fork(new URL('./site.js', import.meta.url), options)
  const [port] = (await once(child, 'message')) as [number]
  return { child, port }
}

async function healthOf({ child }: Site): Promise<Health> {
  child.send('health')
  const [health] = (await once(child, 'message')) as [Health]
  return health
}

function megabytes(health: Health[]): string {
  return health.map(({ heapUsed }) => (heapUsed / 2 ** 20).toFixed(1)).join(', ')
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let bits = Math.imul(state ^ (state >>> 15), state | 1)
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61)
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32
  }
}
