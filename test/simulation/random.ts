/** Numbers that look random, and are the same for the same seed (mulberry32). */
export class Random {
  #state: number

  constructor(seed: number) {
    // Neighbouring seeds begin far apart.
    this.#state = Math.imul((seed ^ (seed >>> 16)) + 0x9e3779b9, 0x85ebca6b) | 0
    this.next()
  }

  /** From 0 up to, but not, 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }

  /** One of 0, 1, … up to, but not, `count`. */
  int(count: number): number {
    return Math.floor(this.next() * count)
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  pick<T>(list: readonly T[]): T {
    return list[this.int(list.length)] as T
  }

  /** A name, the likelier the greater its weight. */
  weighted<K extends string>(weights: Readonly<Record<K, number>>): K {
    const entries = Object.entries(weights) as [K, number][]
    let left = this.next() * entries.reduce((sum, [, weight]) => sum + weight, 0)
    for (const [name, weight] of entries) {
      left -= weight
      if (left < 0) return name
    }
    return (entries.at(-1) as [K, number])[0]
  }

  /** Another source, which takes its course whatever this one is asked for. */
  fork(): Random {
    return new Random(this.int(2 ** 32))
  }
}
