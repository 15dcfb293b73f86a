// What the benchmark itself does with the stored sessions, past the store: fill, check and remove.
import { createClient } from 'redis'
import { STORED_LIFE_MS } from './sessions.js'

const FILL = `for _, key in ipairs(KEYS) do redis.call('SET', key, ARGV[1], 'PX', ARGV[2]) end`
const KEYS_AT_ONCE = 5000

/** The sessions in Redis under a prefix. */
export class RedisStorage {
  #client
  #prefix

  static async connect(url, prefix) {
    const storage = new RedisStorage()
    storage.#client = await createClient({ url }).connect()
    storage.#prefix = prefix
    return storage
  }

  async fill(sids, text, life = STORED_LIFE_MS) {
    for (const keys of this.#pages(sids)) {
      await this.#client.eval(FILL, { keys, arguments: [text, String(life)] })
    }
  }

  async remove(sids) {
    for (const keys of this.#pages(sids)) await this.#client.unlink(keys)
  }

  async read(sid) {
    return JSON.parse(await this.#client.get(this.#prefix + sid))
  }

  /** The milliseconds that a session has left to live. */
  life(sid) {
    return this.#client.pTTL(this.#prefix + sid)
  }

  close() {
    this.#client.destroy()
  }

  *#pages(sids) {
    for (let i = 0; i < sids.length; i += KEYS_AT_ONCE) {
      yield sids.slice(i, i + KEYS_AT_ONCE).map((sid) => this.#prefix + sid)
    }
  }
}

/** The sessions of a MemoryStore. */
export class MemoryStorage {
  #sessions

  constructor(store) {
    this.#sessions = store.sessions
  }

  async fill(sids, text) {
    for (const sid of sids) this.#sessions[sid] = text
  }

  async remove(sids) {
    for (const sid of sids) delete this.#sessions[sid]
  }

  async read(sid) {
    return JSON.parse(this.#sessions[sid] ?? 'null')
  }

  async life(sid) {
    return new Date((await this.read(sid)).cookie.expires) - Date.now()
  }

  close() {}
}
