import { EventEmitter } from 'node:events'
import type { SolidisClient } from '../../lib/clients/solidis.ts'
import type { Command } from '../../lib/redis/client.ts'
import type { Connection, Network } from './network.ts'

/** How long a new connection is initialised. */
const INITIALISING_MS = 12
/** The client's own limit, after which it has also got rid of what is out of step. */
const TIMEOUT_MS = 5000
/** What an initialisation is answered with. */
const HELLO = ['redis_version:7', 'OK', 1, null]

/**
 * Does what a client of Solidis does when its connection ends: it tells of the new one, over which
 * commands run in database 0 until it is ready; if its initialisation fails at first, it is out of step
 * from then on; and to what was in flight it may never say anything.
 */
export class SolidisModel extends EventEmitter implements SolidisClient {
  readonly #network: Network
  readonly #connection: Connection
  #connected: Promise<void> | undefined
  /** There is a connection, but it is not ready: some wait for that, some do not. */
  #isInitialising = false
  /** How often its connection has ended. */
  #drops = 0

  constructor(network: Network, connection: Connection) {
    super()
    this.#network = network
    this.#connection = connection
    connection.onDropped = (downMs) => {
      this.#connected = this.#connectAgain(downMs)
    }
  }

  connect(): Promise<void> {
    this.#connected ??= this.#initialise()
    const isEarly = this.#isInitialising && this.#network.options.random.chance(0.5)
    return isEarly ? Promise.resolve() : this.#connected
  }

  quit(): void {
    this.#tell('end')
  }

  /** What it cannot encode costs it its connection. */
  send(commands: Command[]): Promise<unknown[][]> {
    if (commands.flat().includes(null as never)) {
      this.#connection.drop(false)
      return Promise.reject(new Error('Invalid command'))
    }
    return new Promise((resolve, reject) => {
      this.#failLater(reject)
      this.#connection.send(commands).then(resolve, reject)
    })
  }

  /** Not while the process is stalled: what the store makes of that is for other tests. */
  #failLater(reject: (error: Error) => void): void {
    const { time } = this.#network.options
    const start = time.now
    time.at(start + TIMEOUT_MS, 'timer', () => {
      if (time.stalls.some(({ end }) => end > start)) this.#failLater(reject)
      else reject(new Error('Command(s) timed out'))
    })
  }

  async #connectAgain(downMs: number): Promise<void> {
    const { time, random } = this.#network.options
    const drops = ++this.#drops
    this.#isInitialising = false
    await time.sleep(downMs)
    if (drops !== this.#drops) return
    if (this.#network.isFaulty && random.chance(0.5)) {
      this.#tell('connect')
      await time.sleep(random.int(INITIALISING_MS))
      if (drops !== this.#drops) return
      const stale = Array.from({ length: 1 + random.int(3) }, () => random.pick(HELLO))
      this.#connection.shift(stale, TIMEOUT_MS)
    }
    await this.#initialise()
  }

  async #initialise(): Promise<void> {
    const { time, random } = this.#network.options
    const drops = this.#drops
    this.#connection.isElsewhere = true
    this.#isInitialising = true
    this.#tell('connect')
    await time.sleep(random.int(INITIALISING_MS))
    if (drops !== this.#drops) return
    this.#connection.isElsewhere = false
    this.#isInitialising = false
    this.#tell('ready')
  }

  #tell(event: 'connect' | 'ready' | 'end'): void {
    const { history, time } = this.#network.options
    history.add(time.now, this.#connection.name, 'tells', event)
    this.emit(event)
  }
}
