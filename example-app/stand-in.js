import { once } from 'node:events'
import { fromNodeRedis } from 'connect-solidis'
import { createClient } from 'redis'

/** As much of a Solidis client as the example app uses, on node-redis. */
export class SolidisClient {
  #client
  #wrapped
  #firstAttempt

  constructor({ uri }) {
    // Without its queue a command fails at once while Redis is down, as with Solidis.
    this.#client = createClient({ url: uri, disableOfflineQueue: true })
    this.#wrapped = fromNodeRedis(this.#client)
    // Unheard, an error would end the process. The client goes on trying to connect.
    this.#client.on('error', () => {})
    this.#client.connect().catch(() => {})
    this.#firstAttempt = once(this.#client, 'ready')
  }

  async connect() {
    await this.#firstAttempt
  }

  async send(commands) {
    await this.#firstAttempt.catch(() => {})
    return this.#wrapped.send(commands)
  }

  quit() {
    this.#client.destroy()
  }
}
