import crypto from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'
import timersPromises from 'node:timers/promises'
import type { Random } from './random.ts'

/** When the simulated world begins, by its calendar and by the clock of the process. */
const EPOCH_MS = Date.UTC(2030, 0, 1)
const UPTIME_MS = 100_000

/**
 * Who does what: a timer of the store, a reply that its client hands over, an actor, or the server,
 * which goes on while the process is stalled.
 */
export type Kind = 'timer' | 'reply' | 'actor' | 'server'

export interface Event {
  time: number
  readonly order: number
  readonly kind: Kind
  readonly run: () => void
  /** Timers of Node.js have it; here, time passes whoever waits. */
  unref(): Event
}

const realImmediate = setImmediate
const RealDate = Date
/** Lets all ticks and promises take their course. */
const drain = () => new Promise((resolve) => realImmediate(resolve))

/** One event after another, in the order of their times; no time passes in between. */
export class VirtualTime {
  /** Milliseconds since the world began. */
  now = 0
  /** How long the process was stalled, and when. */
  readonly stalls: { start: number; end: number }[] = []
  /** The next one last. */
  #events: Event[] = []
  #order = 0
  readonly #random: Random

  constructor(random: Random) {
    this.#random = random
  }

  at(time: number, kind: Kind, run: () => void): Event {
    const unref = () => event
    const order = this.#order++
    const event: Event = { time: Math.max(time, this.now), order, kind, run, unref }
    this.#insert(event)
    return event
  }

  cancel(event: Event): void {
    const index = this.#indexOf(event)
    if (this.#events[index] === event) this.#events.splice(index, 1)
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.at(this.now + ms, 'actor', resolve))
  }

  /**
   * Runs what is to come until all is over: timers that no process would wait for go on for ever.
   * @param most as many events as there may be before
   */
  async run(isOver: () => boolean, most: number): Promise<void> {
    await drain()
    for (let count = 0; count < most && !isOver(); count++) {
      const event = this.#events.pop()
      if (event === undefined) return
      this.now = Math.max(this.now, event.time)
      event.run()
      if (event.kind !== 'server') await drain()
    }
  }

  /**
   * The process does nothing for so long, while the server goes on. Afterwards timers come first, and
   * then bit by bit what lies in the sockets.
   */
  stall(ms: number): void {
    const end = this.now + ms
    this.stalls.push({ start: this.now, end })
    const held: Event[] = []
    let next = this.#events.at(-1)
    for (; next !== undefined && next.time <= end; next = this.#events.at(-1)) {
      this.#events.pop()
      if (next.kind !== 'server') held.push(next)
      else {
        this.now = next.time
        next.run()
      }
    }
    this.now = end
    let arrival = end
    for (const event of held) {
      if (event.kind === 'reply') arrival = event.time = arrival + this.#random.int(4)
      this.#insert(event)
    }
  }

  #insert(event: Event): void {
    this.#events.splice(this.#indexOf(event), 0, event)
  }

  /** Where an event is, or has to be. */
  #indexOf(event: Event): number {
    let [low, high] = [0, this.#events.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      const other = this.#events[middle] as Event
      const isLater =
        other.time > event.time || (other.time === event.time && other.order > event.order)
      if (isLater) low = middle + 1
      else high = middle
    }
    return low
  }
}

let time: VirtualTime | undefined
let random: Random | undefined

/** The world in which what runs under `inVirtualTime` is from now on. */
export function enter(newTime: VirtualTime, newRandom: Random): void {
  time = newTime
  random = newRandom
}

/** The date by the calendar of the simulated world. */
export function dateAt(now: number): number {
  return EPOCH_MS + now
}

/** Lets a function have no clock, no timers and no chance but those of the world that it enters. */
export async function inVirtualTime<T>(f: () => Promise<T>): Promise<T> {
  const here = () => time as VirtualTime
  const after = (f: (...args: unknown[]) => void, ms = 0, ...args: unknown[]) =>
    here().at(here().now + Math.max(Math.ceil(ms), 1), 'timer', () => f(...args))
  const clear = (event?: Event) => event && here().cancel(event)
  const fakes: [object: object, name: string, fake: unknown][] = [
    [globalThis, 'setTimeout', after],
    [globalThis, 'clearTimeout', clear],
    [
      globalThis,
      'setImmediate',
      (f: (...args: unknown[]) => void, ...args: unknown[]) =>
        here().at(here().now, 'timer', () => f(...args)),
    ],
    [globalThis, 'clearImmediate', clear],
    [globalThis, 'Date', fakeDate(() => dateAt(here().now))],
    [globalThis.performance, 'now', () => UPTIME_MS + here().now],
    // Nobody reads them, and they take a good part of the time.
    [Error, 'stackTraceLimit', 0],
    [Math, 'random', () => (random as Random).next()],
    [
      crypto,
      'randomBytes',
      (size: number) =>
        Buffer.from(Array.from({ length: size }, () => (random as Random).int(256))),
    ],
    [timersPromises, 'setTimeout', (ms: number) => new Promise((resolve) => after(resolve, ms))],
    [
      timersPromises,
      'setImmediate',
      () => new Promise<void>((resolve) => here().at(here().now, 'timer', resolve)),
    ],
  ]
  const originals = fakes.map(([object, name]) => Object.getOwnPropertyDescriptor(object, name))
  for (const [object, name, value] of fakes) {
    Object.defineProperty(object, name, { value, configurable: true, writable: true })
  }
  syncBuiltinESMExports()
  try {
    return await f()
  } finally {
    for (const [i, [object, name]] of fakes.entries()) {
      const original = originals[i]
      if (original === undefined) delete (object as Record<string, unknown>)[name]
      else Object.defineProperty(object, name, original)
    }
    syncBuiltinESMExports()
  }
}

function fakeDate(now: () => number): DateConstructor {
  return new Proxy(RealDate, {
    construct: (target, args) =>
      args.length === 0 ? new target(now()) : new target(...(args as [number])),
    get: (target, name, receiver) => (name === 'now' ? now : Reflect.get(target, name, receiver)),
  })
}
