// A private Redis that can be made to fail and to work again: slow, frozen, or stopped.
import { setTimeout as sleep } from 'node:timers/promises'
import { startRedis } from './redis-server.js'

/** Sessions outlive a stop. */
const OPTIONS = ['--save', '', '--appendonly', 'yes']
const SLOW_FOR_MS = 1200
const QUICK_FOR_MS = 30
/** Whoever has broken it may have left. */
const MENDED_AFTER_MS = 60_000

export class FaultyRedis {
  url
  #server
  #state = 'running'
  /** Each change waits for the one before. */
  #changing = Promise.resolve()
  #pulse
  #mending
  #tell

  /** @param tell is called with each new state: `'running'`, `'slow'`, `'frozen'` or `'stopped'` */
  static async start(tell) {
    const redis = new FaultyRedis()
    redis.#tell = tell
    redis.#server = await startRedis(undefined, OPTIONS)
    redis.url = redis.#server.url
    return redis
  }

  /** @param fault `'slow'`, `'freeze'`, `'stop'`, or `'mend'` */
  cause(fault) {
    this.#changing = this.#changing
      .then(() => this.#change(fault))
      .catch((error) => console.error(error.message))
    return this.#changing
  }

  async end() {
    await this.cause('mend')
    await this.#server.stop()
  }

  async #change(fault) {
    clearTimeout(this.#mending)
    await this.#mend()
    if (fault === 'slow') this.#slow()
    if (fault === 'freeze') this.#signal('SIGSTOP')
    if (fault === 'stop') await this.#stop()
    if (fault !== 'mend') {
      this.#mending = setTimeout(() => this.cause('mend'), MENDED_AFTER_MS)
      this.#mending.unref()
    }
    this.#state = { slow: 'slow', freeze: 'frozen', stop: 'stopped' }[fault] ?? 'running'
    this.#tell(this.#state)
  }

  async #mend() {
    clearTimeout(this.#pulse)
    if (this.#state === 'stopped') {
      const { port, folder } = this.#server
      this.#server = await startRedis(undefined, OPTIONS, port, folder)
    } else {
      this.#signal('SIGCONT')
    }
  }

  /** A process that may run only now and then answers late. */
  #slow(signal = 'SIGSTOP') {
    this.#signal(signal)
    const next = signal === 'SIGSTOP' ? 'SIGCONT' : 'SIGSTOP'
    const ms = signal === 'SIGSTOP' ? SLOW_FOR_MS : QUICK_FOR_MS
    this.#pulse = setTimeout(() => this.#slow(next), ms)
    this.#pulse.unref()
  }

  async #stop() {
    this.#signal('SIGTERM')
    while (this.#signal(0)) await sleep(20)
  }

  #signal(signal) {
    try {
      return process.kill(this.#server.pid, signal)
    } catch (error) {
      if (error.code !== 'ESRCH') throw error
      return false
    }
  }
}
