const EVERY_MS = 5000
/** Once nobody has looked for so long, nothing is counted any more. */
const WHILE_LOOKED_AT_MS = 60_000
const REMEMBERED_MS = 10 * 60_000

/**
 * How many sessions there were in the last minutes. Counting them walks over all keys of Redis, so it is
 * done only while an admin looks, and one count serves all who do.
 */
export class Counts {
  #store
  #samples = []
  #lookedAt = 0
  #counting
  #timer

  constructor(store) {
    this.#store = store
  }

  /** Gives what was counted, oldest first: at least one count, which may be a few seconds old. */
  async recent() {
    this.#lookedAt = Date.now()
    const latest = this.#samples.at(-1)
    if (latest === undefined || Date.now() - latest.at > 2 * EVERY_MS) await this.#count()
    return this.#samples
  }

  #count() {
    this.#counting ??= this.#store
      .length()
      .then((count) => this.#add({ at: Date.now(), count }))
      .finally(() => {
        this.#counting = undefined
      })
    return this.#counting
  }

  #add(sample) {
    const isRecent = ({ at }) => at > Date.now() - REMEMBERED_MS
    this.#samples = [...this.#samples.filter(isRecent), sample]
    this.#countLater()
  }

  #countLater() {
    if (Date.now() - this.#lookedAt > WHILE_LOOKED_AT_MS) return
    // While Redis fails there is nothing to count. Who looks then, counts.
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#count().catch(() => {}), EVERY_MS).unref()
  }
}
