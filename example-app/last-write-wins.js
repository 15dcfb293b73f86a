const LIVES_MS = 60 * 60 * 1000

/**
 * The store to compare with on "Two tabs": it does what stores without conflict checks do. It loads all of
 * a session when a request begins, and writes all of it back when that ends, whatever is there by then.
 */
export class LastWriteWins {
  #plain
  #prefix

  constructor(plain, prefix) {
    this.#plain = plain
    this.#prefix = prefix
  }

  async get(sid) {
    return JSON.parse(await this.#plain.run('GET', this.#prefix + sid))
  }

  async set(sid, session) {
    const payload = JSON.stringify(session)
    await this.#plain.run('SET', this.#prefix + sid, payload, 'PX', String(LIVES_MS))
  }
}
