import { bytesOf, countOf } from '../format.ts'
import { ask } from '../redis.ts'
import type { Client } from '../store.ts'
import type { Check } from './check.ts'

const OLDEST_MAJOR = 6
const FAR_MS = 1000
const CLOCK_READINGS = 5

/** What one server says of itself. */
export async function checkServer(node: Client, database: number): Promise<Check[]> {
  const info = await infoOf(node)
  const clock = await checkClock(node)
  if (info instanceof Error) {
    const detail = `INFO is not permitted (${info.message})`
    const names = ['server', 'role', 'eviction policy', 'evicted keys', 'database']
    return [...names.map((name) => ({ name, status: 'unknown', detail }) as const), clock]
  }
  return [
    checkVersion(info),
    checkRole(info),
    checkEviction(info),
    checkEvicted(info),
    checkDatabase(info, database),
    clock,
  ]
}

type Info = Map<string, string>

async function infoOf(node: Client): Promise<Info | Error> {
  const reply = await ask(node, 'INFO')
  if (reply instanceof Error) return reply
  const lines = String(reply).matchAll(/^([^#:\r\n]+):([^\r\n]*)/gm)
  return new Map([...lines].map(([, name = '', value = '']) => [name, value]))
}

function checkVersion(info: Info): Check {
  const valkey = info.get('valkey_version')
  const version = valkey ?? info.get('redis_version') ?? 'unknown'
  const product = valkey === undefined ? 'Redis' : 'Valkey'
  const isTooOld = Number.parseInt(info.get('redis_version') ?? '', 10) < OLDEST_MAJOR
  const need = isTooOld ? `: the store needs ${OLDEST_MAJOR} or later` : ''
  return {
    name: 'server',
    status: isTooOld ? 'failed' : 'ok',
    detail: `${product} ${version}${need}`,
    data: { product, version },
  }
}

function checkRole(info: Info): Check {
  const role = info.get('role') ?? 'unknown'
  const isReplica = role === 'slave'
  return {
    name: 'role',
    status: isReplica ? 'failed' : 'ok',
    detail: isReplica ? 'a replica: the store needs the master' : role,
    data: { role: isReplica ? 'replica' : role },
  }
}

function checkEviction(info: Info): Check {
  const policy = info.get('maxmemory_policy') ?? 'unknown'
  const maxMemory = Number(info.get('maxmemory') ?? 0)
  const evicts = maxMemory > 0 && policy !== 'noeviction'
  const limit = maxMemory > 0 ? `at ${bytesOf(maxMemory)}` : 'without a memory limit'
  const harm = ': users lose their sessions when it is full; use noeviction, and watch the memory'
  return {
    name: 'eviction policy',
    status: evicts ? 'warning' : 'ok',
    detail: `${policy} ${limit}${evicts ? harm : ''}`,
    data: { policy, maxMemory },
  }
}

function checkEvicted(info: Info): Check {
  const evicted = Number(info.get('evicted_keys') ?? 0)
  return {
    name: 'evicted keys',
    status: evicted > 0 ? 'warning' : 'ok',
    detail: evicted > 0 ? `${countOf(evicted)} since the start: sessions may be among them` : '0',
    data: { evicted },
  }
}

function checkDatabase(info: Info, database: number): Check {
  const keys = Number(/keys=(\d+)/.exec(info.get(`db${database}`) ?? '')?.[1] ?? 0)
  return {
    name: 'database',
    status: 'ok',
    detail: `${database}, with ${countOf(keys)} ${keys === 1 ? 'key' : 'keys'}`,
    data: { database, keys },
  }
}

/** The best of a few readings: that which took the shortest time. */
async function checkClock(node: Client): Promise<Check> {
  const name = 'clock difference'
  const readings: { offMs: number; tripMs: number }[] = []
  for (let i = 0; i < CLOCK_READINGS; i++) {
    const [before, at] = [Date.now(), performance.now()]
    const reply = await ask(node, 'TIME')
    if (!Array.isArray(reply)) return { name, status: 'unknown', detail: 'TIME is not permitted' }
    const tripMs = performance.now() - at
    const [seconds, microseconds] = reply.map(Number) as [number, number]
    readings.push({ offMs: seconds * 1000 + microseconds / 1000 - before - tripMs / 2, tripMs })
  }
  readings.sort((a, b) => a.tripMs - b.tripMs)
  const [{ offMs, tripMs }] = readings as [(typeof readings)[0]]
  const differenceMs = Math.round(offMs)
  const isFar = Math.abs(offMs) > FAR_MS + tripMs
  return {
    name,
    status: isFar ? 'warning' : 'ok',
    detail: `${differenceMs} ms, give or take ${Math.ceil(tripMs / 2)}${isFar ? ': cookies and keys do not end at the same time' : ''}`,
    data: { differenceMs },
  }
}
