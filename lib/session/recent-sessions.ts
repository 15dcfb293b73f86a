import { getHeapStatistics } from 'node:v8'
import type { KnownSession } from './known-session.ts'

const MAX_BYTES = getHeapStatistics().heap_size_limit / 128

/**
 * Remembers sessions that are in use, in bounded memory: by two generations, of which the older is
 * forgotten when the younger is full. What is used moves to the younger one.
 */
export class RecentSessions {
  readonly #maxBytes: number
  #younger = new Map<string, KnownSession>()
  #older = new Map<string, KnownSession>()
  /** How much was put into the younger generation. */
  #bytes = 0

  /** @param maxBytes of payloads in a generation: a 128th of the heap that this process may have */
  constructor(maxBytes = MAX_BYTES) {
    this.#maxBytes = maxBytes
  }

  get(sid: string): KnownSession | undefined {
    const known = this.#younger.get(sid)
    if (known !== undefined) return known
    const old = this.#older.get(sid)
    if (old !== undefined) this.put(sid, old)
    return old
  }

  put(sid: string, known: KnownSession): void {
    this.#younger.set(sid, known)
    this.#bytes += known.size
    if (this.#bytes <= this.#maxBytes) return
    this.#older = this.#younger
    this.#younger = new Map()
    this.#bytes = 0
  }

  delete(sid: string): void {
    this.#younger.delete(sid)
    this.#older.delete(sid)
  }
}
