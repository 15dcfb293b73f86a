import { setImmediate as turn } from 'node:timers/promises'
import type { SinonFakeTimers } from 'sinon'
import type { Command, SolidisLike } from '../../lib/index.ts'
import { isRead } from './scripts.ts'

/** What may become of a command. */
export type Fault = keyof typeof FAULTS

type Send = () => Promise<unknown[][]>

const FAULTS = {
  'is lost': () => Promise.reject(new Error('connection lost')),
  'is applied, but its answer is lost': async (send: Send) => {
    await send()
    throw new Error('connection lost')
  },
  'is never answered': () => new Promise<never>(() => {}),
  'is applied, but never answered': async (send: Send) => {
    await send()
    return new Promise<never>(() => {})
  },
  'arrives twice': async (send: Send) => {
    await send()
    return send()
  },
}

/** Those after which nobody knows whether the command was applied. */
export const UNKNOWN = (Object.keys(FAULTS) as Fault[]).filter((fault) => fault !== 'arrives twice')

/** A client of which the next writes go wrong as a test wants it. */
export class FaultyClient implements SolidisLike {
  /** What becomes of the next writes; of those after them, nothing. */
  readonly faults: Fault[] = []
  readonly #client: SolidisLike

  constructor(client: SolidisLike) {
    this.#client = client
  }

  send(commands: Command[]): Promise<unknown[][]> {
    const send = () => this.#client.send(commands)
    const fault = !commands.every(isRead) && this.faults.shift()
    return fault ? FAULTS[fault](send) : send()
  }
}

/** Lets the time of all calls run out, which were made with these timers. */
export async function expireCalls(clock: SinonFakeTimers, timeout = 5000): Promise<void> {
  await clock.tickAsync(timeout)
  // Answers that are there already come first.
  for (let left = 12; left > 0; left--) await turn()
}
