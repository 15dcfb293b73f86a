import { findOrStartRedis } from '../../scripts/redis-server.js'

let redis: Awaited<ReturnType<typeof findOrStartRedis>>

export async function mochaGlobalSetup(): Promise<void> {
  redis = await findOrStartRedis()
  process.env.REDIS_URL = redis.url
}

export async function mochaGlobalTeardown(): Promise<void> {
  await redis.stop()
}

/** The server that all tests share, so each takes prefixes of its own. */
export function redisUrl(): string {
  return process.env.REDIS_URL as string
}

/** The URL of the server for a user of its own, who may do everything but what is taken away. */
export function urlOf(user: string, password: string): string {
  const url = new URL(redisUrl())
  Object.assign(url, { username: user, password })
  return url.href
}

let prefixes = 0

/** A prefix that no other test uses. */
export function freshPrefix(): string {
  return `test:${process.pid}:${Date.now()}:${prefixes++}:`
}
