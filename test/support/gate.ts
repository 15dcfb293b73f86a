import { setImmediate as turn } from 'node:timers/promises'
import type { Command, SolidisLike } from '../../lib/index.ts'

/** What a client was asked to send, and has not sent yet. */
export interface Held {
  /** Which of the gate's clients holds it. */
  readonly lane: number
  readonly commands: Command[]
  /** Sends it, and settles when its reply has been handed over. */
  send(): Promise<void>
}

/** Stands in front of clients, so that a test decides which commands reach Redis, and when. */
export class Gate {
  readonly held: Held[] = []
  #closed = false

  /** @param closed whether it holds commands back from the start */
  constructor(closed = false) {
    this.#closed = closed
  }

  wrap(client: SolidisLike, lane = 0): SolidisLike {
    return {
      send: (commands) =>
        this.#closed ? this.#hold(client, commands, lane) : client.send(commands),
    }
  }

  close(): void {
    this.#closed = true
  }

  /** Lets everything through from now on, what it holds first. */
  async open(): Promise<void> {
    this.#closed = false
    await Promise.all(this.held.splice(0).map((held) => held.send()))
  }

  /** Waits until it holds so many. */
  async holds(count: number): Promise<void> {
    while (this.held.length < count) await turn()
  }

  /** Lets the first that it holds through, or another of them. */
  async pass(index = 0): Promise<void> {
    const [held] = this.held.splice(index, 1)
    if (held === undefined) throw new Error(`The gate does not hold ${index + 1} commands`)
    await held.send()
  }

  #hold(client: SolidisLike, commands: Command[], lane: number): Promise<unknown[][]> {
    return new Promise((resolve, reject) => {
      const send = () => client.send(commands).then(resolve, reject)
      this.held.push({ lane, commands, send })
    })
  }
}

/** A client that notes the name of each command, one array for each round trip. */
export function recording(client: SolidisLike) {
  const trips: string[][] = []
  return {
    trips,
    send(commands: Command[]) {
      trips.push(commands.map(([name]) => String(name)))
      return client.send(commands)
    },
  }
}
