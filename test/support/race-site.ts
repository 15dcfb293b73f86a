import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { redisUrl } from './redis.ts'

const SERVER = fileURLToPath(new URL('./race-server.js', import.meta.url))

/** One process of a site, and what a browser asks of it. */
export class Site {
  readonly #url: string
  readonly #process: ChildProcess

  constructor(process: ChildProcess, port: string) {
    this.#process = process
    this.#url = `http://127.0.0.1:${port}`
  }

  /** @param options those of its store, besides */
  static async start(prefix: string, options: object = {}): Promise<Site> {
    const ofRace = { RACE_PREFIX: prefix, RACE_OPTIONS: JSON.stringify(options) }
    const env = { ...process.env, REDIS_URL: redisUrl(), ...ofRace }
    const stdio = ['pipe', 'pipe', 'inherit'] as const
    const child = spawn(process.execPath, [SERVER], { env, stdio: [...stdio] })
    for await (const line of createInterface(child.stdout as NodeJS.ReadableStream)) {
      return new Site(child, line)
    }
    throw new Error('The server ended before it was ready')
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null) return
    this.#process.kill()
    await once(this.#process, 'exit')
  }

  async get(path: string, cookie = ''): Promise<Response> {
    const response = await fetch(this.#url + path, { headers: { cookie } })
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
    return response
  }

  async login(attributes = 'user=1'): Promise<{ sid: string; cookie: string }> {
    const response = await this.get(`/login?${attributes}`)
    const cookie = String(response.headers.get('set-cookie')).split(';')[0] as string
    return { sid: (await response.json()) as string, cookie }
  }

  /** Waits until so many requests have loaded their sessions and wait. */
  async waiting(count: number): Promise<void> {
    while (((await (await this.get('/waiting')).json()) as string[]).length < count);
  }

  release(): Promise<Response> {
    return this.get('/release')
  }
}

export function times<T>(count: number, make: (i: number) => T): T[] {
  return Array.from({ length: count }, (_, i) => make(i))
}
