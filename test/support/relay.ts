import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { redisUrl } from './redis.ts'

/** A port that leads to Redis while the relay is open, and refuses connections while it is not. */
export class Relay {
  readonly #sockets = new Set<Socket>()
  readonly #server: Server = createServer((socket) => this.#forward(socket))
  readonly #upstream: string
  #port = 0

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
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  #forward(socket: Socket): void {
    const { hostname, port } = new URL(this.#upstream)
    const upstream = connect(Number(port || 6379), hostname)
    for (const end of [socket, upstream]) {
      this.#sockets.add(end)
      end.on('error', () => {})
      end.on('close', () => {
        this.#sockets.delete(end)
        socket.destroy()
        upstream.destroy()
      })
    }
    socket.pipe(upstream).pipe(socket)
  }
}
