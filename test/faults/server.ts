import { createClient } from 'redis'
import { startRedis } from '../../scripts/redis-server.js'
import { eventually } from '../support/eventually.ts'

/** What may be changed while it runs, to make trouble. */
const OPTIONS = ['--save', '', '--enable-protected-configs', 'yes']
/** Every write is with the system before it is acknowledged, and outlives the process. */
const WITH_DATA = ['--appendonly', 'yes', '--appendfsync', 'no']

type Redis = Awaited<ReturnType<typeof startRedis>>

/** A Redis of its own, to which anything may be done. */
export class Server {
  readonly #options: string[]
  readonly #stops: (() => Promise<void>)[] = []
  #redis: Redis
  #admin: Awaited<ReturnType<typeof connect>> | undefined

  private constructor(redis: Redis, options: string[]) {
    this.#redis = redis
    this.#options = options
  }

  /**
   * @param keepsData whether what it holds outlives it
   * @param others what it is to be besides, such as a node of a cluster
   */
  static async start(keepsData = false, others: string[] = []): Promise<Server> {
    const options = [...OPTIONS, ...(keepsData ? WITH_DATA : []), ...others]
    return new Server(await startRedis(undefined, options), options)
  }

  /** One that was started otherwise. */
  static of(redis: Redis): Server {
    return new Server(redis, [])
  }

  get port(): number {
    return this.#redis.port as number
  }

  get url(): string {
    return this.#redis.url
  }

  get folder(): string {
    return this.#redis.folder
  }

  /** Asks it something over a connection of its own, which no fault concerns. */
  async ask(...command: string[]): Promise<unknown> {
    // Who is promoted or demoted ends all connections, this one too.
    if (!this.#admin?.isReady) this.#admin = await connect(this.url)
    return this.#admin.sendCommand(command)
  }

  /** Ends all connections but its own. */
  async endConnections(): Promise<void> {
    await this.ask('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
  }

  /** Ends it, so that it can do nothing about it. */
  async kill(): Promise<void> {
    this.#hangUp()
    process.kill(this.#redis.pid as number, 'SIGKILL')
    await eventually(async () => !(await this.#isListening()))
  }

  /**
   * Starts it again.
   * @param options besides those that it had
   */
  async restart(options: string[] = []): Promise<void> {
    const { port, folder, stop } = this.#redis
    this.#stops.push(stop)
    this.#redis = await startRedis(undefined, [...this.#options, ...options], port, folder)
  }

  freeze(): void {
    process.kill(this.#redis.pid as number, 'SIGSTOP')
  }

  thaw(): void {
    process.kill(this.#redis.pid as number, 'SIGCONT')
  }

  async stop(): Promise<void> {
    this.#hangUp()
    for (const stop of [this.#redis.stop, ...this.#stops]) await stop()
  }

  #hangUp(): void {
    this.#admin?.destroy()
    this.#admin = undefined
  }

  async #isListening(): Promise<boolean> {
    try {
      const client = await connect(this.url)
      client.destroy()
      return true
    } catch {
      return false
    }
  }
}

/** Fails if it does not work at once. */
function connect(url: string) {
  const client = createClient({ url, socket: { reconnectStrategy: false } })
  return client.on('error', () => {}).connect()
}
