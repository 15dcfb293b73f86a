// What the benchmark itself does with the stored sessions, past the store: fill, check and remove.
import { createClient } from 'redis'
import { STORED_LIFE_MS } from './sessions.js'

const FILL = `for _, key in ipairs(KEYS) do redis.call('SET', key, ARGV[1], 'PX', ARGV[2]) end`
const FILL_NUMBERED = `
for i = ARGV[2], ARGV[3] do
  redis.call('SET', ARGV[1] .. string.format('%032d', i), ARGV[4], 'PX', ARGV[5])
end`
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

  /** Fills in numbered sessions, which is fast enough for a million of them. */
  async fillMany(count, text) {
    for (let from = 0; from < count; from += KEYS_AT_ONCE) {
      const to = Math.min(from + KEYS_AT_ONCE, count) - 1
      const args = [this.#prefix, String(from), String(to), text, String(STORED_LIFE_MS)]
      await this.#client.eval(FILL_NUMBERED, { arguments: args })
    }
  }

  async remove(sids) {
    for (const keys of this.#pages(sids)) await this.#client.unlink(keys)
  }

  /** Removes all that the stores and the benchmark left behind; gives how many sessions there were. */
  async removeAll() {
    let removed = 0
    const pages = this.#client.scanIterator({ MATCH: `${this.#prefix}*`, COUNT: KEYS_AT_ONCE })
    for await (const keys of pages) if (keys.length > 0) removed += await this.#client.unlink(keys)
    return removed
  }

  async read(sid) {
    return JSON.parse(await this.#client.get(this.#prefix + sid))
  }

  /** The milliseconds that a session has left to live. */
  life(sid) {
    return this.#client.pTTL(this.#prefix + sid)
  }

  async close() {
    await this.removeAll()
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

  /** Each has a copy of the text, as it would in real life. */
  async fillMany(count, text) {
    const bytes = Buffer.from(text)
    for (let i = 0; i < count; i++) this.#sessions[String(i).padStart(32, '0')] = bytes.toString()
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

  async close() {}
}
