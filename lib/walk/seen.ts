/** Tells keys that come for the first time from those that come again. */
export interface Seen {
  /** Whether the key has not been added before. */
  add(key: string): boolean
}

/** So many keys are remembered at least. */
const RECENT = 5000

/**
 * Remembers the keys of late: five to ten thousand, however many come.
 *
 * That is nearly all there is to remember of one SCAN of a server. Redis goes through the buckets of its
 * table in such an order that those that become one when the table is shrunk are visited one right
 * after the other, and those that one becomes when it grows, too. So a key comes again only if the table
 * is shrunk while SCAN is in the middle of such a group: then the group is visited anew. Redis shrinks
 * a table that is nearly empty, by a factor of 8 or 16, seldom much more, so the group is a few of the
 * buckets last visited. Where it is more than is remembered here, because nearly all keys have gone at
 * once, it is those few that are left in this one bucket that come twice.
 */
export class RecentlySeen implements Seen {
  #recent = new Set<string>()
  #earlier = new Set<string>()

  add(key: string): boolean {
    if (this.#earlier.has(key) || this.#recent.has(key)) return false
    if (this.#recent.size === RECENT) {
      this.#earlier = this.#recent
      this.#recent = new Set()
    }
    this.#recent.add(key)
    return true
  }
}

/** A power of two. */
const PARTS = 1024

/**
 * Remembers all keys. In many small sets, since one large one takes its time whenever it grows, and
 * cannot hold more than 16 million.
 */
export class AllSeen implements Seen {
  readonly #parts = Array.from({ length: PARTS }, () => new Set<string>())

  add(key: string): boolean {
    const part = this.#parts[partOf(key)] as Set<string>
    return part.size < part.add(key).size
  }
}

/** The end of a key tells it best from others. */
function partOf(key: string): number {
  let hash = 0
  for (let i = Math.max(0, key.length - 8); i < key.length; i++) {
    hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
  }
  return (hash ^ (hash >>> 16)) & (PARTS - 1)
}
