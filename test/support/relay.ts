import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { redisUrl } from './redis.ts'
import { Replies } from './resp.ts'

/** For so long, a reply waits for another to change places with. */
const SWAP_WITHIN_MS = 20

/**
 * A port that leads to Redis while the relay is open, and refuses connections while it is not. In
 * between it does what networks, proxies and broken clients do.
 */
export class Relay {
  /** How many milliseconds late replies come. */
  delayMs = 0
  /** Whether the payloads of calls that are answered at the same time are exchanged. */
  swaps = false
  readonly #links = new Set<Link>()
  readonly #server: Server = createServer((socket) => this.#forward(socket))
  readonly #upstream: string
  #port = 0
  #holds = false

  /** @param upstream the server that it leads to: the one that all tests share by default */
  constructor(upstream = redisUrl()) {
    this.#upstream = upstream
  }

  get url(): string {
    const url = new URL(this.#upstream)
    url.host = `127.0.0.1:${this.#port}`
    return url.href
  }

  async open(): Promise<void> {
    this.#server.listen(this.#port, '127.0.0.1')
    await once(this.#server, 'listening')
    this.#port = (this.#server.address() as { port: number }).port
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.cut()
    await closed
  }

  /** Ends all connections. New ones may be made. */
  cut(): void {
    for (const link of this.#links) link.destroy()
  }

  /** Lets nothing through in either direction, and new connections get no further. It is kept. */
  hold(): void {
    this.#holds = true
    for (const link of this.#links) link.pause()
  }

  /** Lets what was held go its way, late. */
  release(): void {
    this.#holds = false
    for (const link of this.#links) link.resume()
  }

  /** Leaves all connections half-open: nothing passes any more, and nobody says so. New ones work. */
  strand(): void {
    for (const link of this.#links) link.isStranded = true
  }

  /** Ends each connection within its next reply. */
  truncate(): void {
    for (const link of this.#links) link.isToTruncate = true
  }

  /** From now on, each call gets the reply of the one that came so many before it. */
  shift(by: number): void {
    for (const link of this.#links) link.repeats = by
  }

  /** Whether there are still connections on which it does. */
  get isShifted(): boolean {
    return [...this.#links].some((link) => link.isShifted)
  }

  #forward(socket: Socket): void {
    const { hostname, port } = new URL(this.#upstream)
    const link = new Link(socket, connect(Number(port || 6379), hostname), this)
    this.#links.add(link)
    socket.on('close', () => this.#links.delete(link))
    if (this.#holds) link.pause()
  }
}

/** A connection through a relay. */
class Link {
  isStranded = false
  isToTruncate = false
  /** So many of the next replies are given twice, and those after them later by as many. */
  repeats = 0
  readonly #client: Socket
  readonly #server: Socket
  readonly #relay: Relay
  readonly #replies = new Replies()
  readonly #late: Buffer[] = []
  /** Replies that wait for one that changes places with the first of them. */
  #waiting: Buffer[] = []
  /** Replies that are still to come, and when. */
  readonly #delayed: { reply: Buffer; dueAt: number }[] = []

  constructor(client: Socket, server: Socket, relay: Relay) {
    this.#client = client
    this.#server = server
    this.#relay = relay
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      from.setNoDelay(true)
      from.on('error', () => {})
      // What it had sent before may still be on its way.
      from.on('end', () => this.isStranded || to.end())
      from.on('close', () => this.isStranded || to.destroySoon())
    }
    client.on('data', (chunk) => this.isStranded || server.write(chunk))
    server.on('data', (chunk) => this.#answer(chunk))
  }

  get isShifted(): boolean {
    return this.repeats > 0 || this.#late.length > 0
  }

  destroy(): void {
    this.#client.destroy()
    this.#server.destroy()
  }

  pause(): void {
    this.#client.pause()
    this.#server.pause()
  }

  resume(): void {
    this.#client.resume()
    this.#server.resume()
  }

  #answer(chunk: Buffer): void {
    if (this.isStranded) return
    if (this.isToTruncate) {
      this.#client.write(chunk.subarray(0, chunk.length / 2), () => this.destroy())
      this.isStranded = true
      return
    }
    for (const reply of this.#replies.take(chunk)) this.#reply(reply)
  }

  #reply(reply: Buffer): void {
    const { isShifted } = this
    if (isShifted) this.#late.push(reply)
    if (!isShifted || this.repeats > 0) this.#swap(reply)
    else this.#swap(this.#late.shift() as Buffer)
    if (this.repeats > 0) this.repeats--
  }

  #swap(reply: Buffer): void {
    const [first] = this.#waiting
    if (first === undefined) {
      if (this.#relay.swaps && isPayload(reply)) {
        this.#waiting.push(reply)
        setTimeout(() => this.#passWaiting(), SWAP_WITHIN_MS)
      } else {
        this.#pass(reply)
      }
    } else if (isPayload(reply)) {
      this.#waiting[0] = reply
      this.#waiting.push(first)
      this.#passWaiting()
    } else {
      this.#waiting.push(reply)
    }
  }

  #passWaiting(): void {
    for (const reply of this.#waiting.splice(0)) this.#pass(reply)
  }

  #pass(reply: Buffer): void {
    const { delayMs } = this.#relay
    if (delayMs === 0 && this.#delayed.length === 0) {
      this.#client.write(reply)
      return
    }
    this.#delayed.push({ reply, dueAt: performance.now() + delayMs })
    setTimeout(() => this.#passDelayed(), delayMs)
  }

  #passDelayed(): void {
    // Timers may fire early by a part of a millisecond.
    const now = performance.now() + 1
    for (
      let [next] = this.#delayed;
      next !== undefined && next.dueAt <= now;
      [next] = this.#delayed
    ) {
      this.#delayed.shift()
      if (!this.isStranded) this.#client.write(next.reply)
    }
  }
}

function isPayload(reply: Buffer): boolean {
  return reply[0] === '$'.charCodeAt(0) && reply.includes('{"')
}
