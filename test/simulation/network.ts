import type { Command, SolidisLike } from '../../lib/redis/client.ts'
import type { History } from './history.ts'
import type { Random } from './random.ts'
import { RedisModel, ReplyError } from './redis-model.ts'
import { dateAt, type Kind, type VirtualTime } from './virtual-time.ts'

/** What may go wrong with something that is sent, or just then. */
export const FAULTS = [
  'request lost',
  'reply lost',
  'request late',
  'reply late',
  'doubled',
  'dropped',
  'refused',
  'scripts flushed',
  'restarted',
  'data lost',
  'clock jumped',
  'stalled',
] as const
/** Those by which no call has to fail. */
export const HARMLESS: readonly Fault[] = ['clock jumped', 'scripts flushed', 'stalled']
/** By these, something may arrive again although it was answered. */
export const TWICE: readonly Fault[] = ['doubled', 'dropped', 'restarted', 'data lost']
/** The client's bug, against which only a store that tells whose a payload is can do something. */
export const SHIFT = 'shifted'
export type Fault = (typeof FAULTS)[number] | typeof SHIFT

const REFUSALS = [
  "OOM command not allowed when used memory > 'maxmemory'.",
  "READONLY You can't write against a read only replica.",
  'LOADING Redis is loading the dataset in memory',
  'MISCONF Redis is configured to save RDB snapshots, but it is unable to persist to disk.',
]

const HOUR_MS = 3_600_000
const LATENCY_MS = 6
const OUTAGES_MS = [10, 400]

/** What is sent together. */
interface Flight {
  readonly commands: Command[]
  readonly resolve: (replies: unknown[][]) => void
  readonly reject: (error: Error) => void
  /** More than one, if it is sent again. */
  readonly ways: Way[]
  /** Whether it is for another database. */
  readonly isElsewhere: boolean
  isOver: boolean
}

/** The way of something to the server and back. */
interface Way {
  /** Whether the commands that have not arrived by now never will. */
  isCut: boolean
  isAnswered: boolean
}

interface Delivery {
  readonly isAnswered?: boolean
  /** In how many milliseconds it arrives, if not in its order. */
  readonly after?: number
  /** The same of its reply. */
  readonly replyAfter?: number
}

/** What is true of a whole world, which those who judge it have to know. */
export interface Facts {
  /** By how much the clock of the server was set back, in milliseconds. */
  setBackMs: number
  /** When it last jumped. */
  jumpedAt: number
  /** From when on a client gives calls the replies of others. */
  shiftedAt: number
}

export interface NetworkOptions {
  readonly time: VirtualTime
  readonly random: Random
  readonly history: History
  readonly server: RedisModel
  readonly faults: readonly Fault[]
  /** How likely something goes wrong with what is sent. */
  readonly rate: number
  /** Whether clients send again what was not answered when a connection broke. */
  readonly resends: boolean
  readonly timeout: number
  readonly onDataLost: () => void
  readonly onSetBack: () => void
}

/** The server, and all that lies between it and its clients. */
export class Network {
  readonly facts: Facts = { setBackMs: 0, jumpedAt: -1, shiftedAt: Infinity }
  /** How far the clock of the server is ahead of that of the processes. */
  aheadMs: number
  /** Whether things still go wrong. */
  isFaulty = true
  /** Another database of the server. */
  readonly elsewhere: RedisModel
  readonly options: NetworkOptions
  readonly #connections: Connection[] = []

  constructor(options: NetworkOptions, aheadMs: number) {
    this.options = options
    this.aheadMs = aheadMs
    this.elsewhere = new RedisModel(() => dateAt(options.time.now) + this.aheadMs)
  }

  get summary(): object {
    const { rate, resends } = this.options
    return { rate, resends }
  }

  connect(name: string): Connection {
    const connection = new Connection(this, name)
    this.#connections.push(connection)
    return connection
  }

  /** What goes wrong with the next thing that is sent, if anything. */
  nextFault(): Fault | undefined {
    const { faults, rate, random } = this.options
    if (!this.isFaulty || faults.length === 0 || !random.chance(rate)) return undefined
    return random.pick(faults)
  }

  setClock(aheadMs: number): void {
    this.facts.jumpedAt = this.options.time.now
    this.facts.setBackMs += Math.max(this.aheadMs - aheadMs, 0)
    this.aheadMs = aheadMs
    this.#note('is ahead by', aheadMs)
    this.options.onSetBack()
  }

  /** From now on nothing goes wrong, and somebody has seen to the clients that cannot help themselves. */
  heal(): void {
    this.isFaulty = false
    for (const connection of this.#connections) {
      if (connection.reconnect === undefined) connection.drop(false)
    }
  }

  stall(ms: number): void {
    this.#note('is waited for by nobody for', ms)
    this.options.time.stall(ms)
  }

  #note(...what: [string, ...unknown[]]): void {
    this.options.history.add(this.options.time.now, 'server', ...what)
  }

  /** Another server, or the same one, begins anew; all connections are lost. */
  restart(keepsData: boolean): void {
    const { server, random, onDataLost } = this.options
    this.#note(keepsData ? 'restarts' : 'restarts without its data')
    server.flushScripts()
    if (!keepsData) {
      server.flushAll()
      onDataLost()
    }
    if (random.chance(0.3)) this.setClock(this.aheadMs + random.int(20_000) - 10_000)
    for (const connection of this.#connections) connection.drop()
  }

  /** A time that something is late by: a little, about as long as callers wait, or hours. */
  lateness(): number {
    const { random, timeout } = this.options
    const kind = random.weighted({ little: 3, timeout: 3, seconds: 2, hours: 1 })
    if (kind === 'little') return random.int(timeout / 2)
    if (kind === 'timeout') return timeout - 60 + random.int(120)
    if (kind === 'seconds') return timeout + random.int(10 * timeout)
    return random.int(5 * HOUR_MS)
  }
}

/** The connection of one process, as its client sees it. */
export class Connection implements SolidisLike {
  readonly pipelines: boolean
  /** Not every client can. */
  readonly reconnect?: () => void
  readonly name: string
  /** Is told for how long there will be no connection. Then the client may keep silent about the old one. */
  onDropped: ((downMs: number) => void) | undefined
  /** Whether commands run in another database. */
  isElsewhere = false
  readonly #network: Network
  readonly #inFlight = new Set<Flight>()
  /** What is sent next arrives after that, and is answered after that. */
  #lastArrival = 0
  #lastReply = 0
  #isDownUntil = 0
  /** Whether what is sent meanwhile waits for the connection, instead of being refused. */
  #hasQueue = false
  /** Replies that nobody has taken yet, where the client counts wrongly. */
  readonly #backlog: unknown[] = []

  constructor(network: Network, name: string) {
    this.#network = network
    this.name = name
    this.pipelines = network.options.random.chance(0.7)
    if (network.options.random.chance(0.7)) this.reconnect = () => this.drop(false)
  }

  send(commands: Command[]): Promise<unknown[][]> {
    return new Promise((resolve, reject) => {
      const { isElsewhere } = this
      const flight: Flight = { commands, resolve, reject, ways: [], isElsewhere, isOver: false }
      const fault = isElsewhere ? undefined : this.#network.nextFault()
      const { now } = this.#network.options.time
      this.#note(`sends${fault ? ` (${fault})` : ''}`, commands)
      if (now < this.#isDownUntil && !this.#hasQueue) {
        reject(connectionError('ECONNREFUSED'))
        return
      }
      this.#inFlight.add(flight)
      this.#sendWith(fault, flight)
    })
  }

  /**
   * All that is in flight fails: it has arrived, or has not, or will.
   * @param mayRepeat whether it may arrive twice
   */
  drop(mayRepeat = true): void {
    const { time, random, resends } = this.#network.options
    this.#note('is dropped')
    const downMs = random.int(random.pick(OUTAGES_MS))
    this.#isDownUntil = time.now + downMs
    this.#hasQueue = random.chance(0.5)
    this.#backlog.length = 0
    this.isElsewhere = this.onDropped !== undefined
    this.onDropped?.(downMs)
    const isSilent = this.onDropped !== undefined && random.chance(0.5)
    for (const flight of [...this.#inFlight]) {
      for (const way of flight.ways) {
        way.isAnswered = false
        way.isCut = random.chance(0.6)
      }
      const late = random.chance(0.5) ? random.int(100) : this.#network.lateness()
      if (mayRepeat && random.chance(0.4)) this.#deliver(flight, { after: late })
      if (isSilent) this.#inFlight.delete(flight)
      else if (mayRepeat && resends) this.#deliver(flight, { isAnswered: true })
      else this.#settle(flight, connectionError('ECONNRESET'))
    }
  }

  /** For so long, calls get these replies first, and then those to earlier calls. */
  shift(replies: unknown[], ms: number): void {
    const { time } = this.#network.options
    this.#note('is out of step by', replies)
    this.#backlog.push(...replies)
    time.at(time.now + ms, 'server', () => this.#backlog.splice(0))
  }

  #sendWith(fault: Fault | undefined, flight: Flight): void {
    const network = this.#network
    const { time, random, server } = network.options
    const meanwhile = (run: () => void, kind: Kind = 'reply') =>
      time.at(time.now + 1 + random.int(2 * LATENCY_MS), kind, run)
    const delivery: { -readonly [K in keyof Delivery]: Delivery[K] } = { isAnswered: true }
    if (fault === 'request lost') return
    if (fault === 'reply lost') delivery.isAnswered = false
    else if (fault === 'request late') delivery.after = network.lateness()
    else if (fault === 'reply late') delivery.replyAfter = network.lateness()
    else if (fault === 'doubled') {
      this.#deliver(flight)
      delivery.after = network.lateness()
    } else if (fault === 'refused') {
      const error = new ReplyError(random.pick(REFUSALS))
      const replies = flight.commands.map(() => [error])
      meanwhile(() => this.#settle(flight, replies))
      return
    } else if (fault === 'dropped') meanwhile(() => this.drop())
    else if (fault === 'restarted') meanwhile(() => network.restart(true))
    else if (fault === 'data lost') meanwhile(() => network.restart(false))
    else if (fault === 'scripts flushed') server.flushScripts()
    else if (fault === 'clock jumped') {
      const ms = random.pick([10, 1000, 60_000, HOUR_MS])
      network.setClock(network.aheadMs + random.int(2 * ms) - ms)
    } else if (fault === 'stalled') {
      const ms = random.pick([40, 200, 3 * network.options.timeout])
      meanwhile(() => network.stall(ms), 'actor')
    } else if (fault === SHIFT) {
      network.facts.shiftedAt = Math.min(network.facts.shiftedAt, time.now)
      // A reply that the client takes for that to the next call.
      this.#backlog.push(null)
    }
    this.#deliver(flight, delivery)
  }

  /** Lets the server have the commands, one by one, among those of others. */
  #deliver(flight: Flight, { isAnswered = false, after, replyAfter }: Delivery = {}): void {
    const { time, random } = this.#network.options
    const server = flight.isElsewhere ? this.#network.elsewhere : this.#network.options.server
    const way: Way = { isCut: false, isAnswered }
    flight.ways.push(way)
    const replies: unknown[] = []
    const soon = () => time.now + random.int(LATENCY_MS)
    let at = after === undefined ? this.#inOrder(soon()) : time.now + after
    for (const command of flight.commands) {
      at += random.int(2)
      time.at(at, 'server', () => {
        if (way.isCut) return
        const reply = server.execute(command)
        this.#note('has', command, reply)
        replies.push(reply)
        if (replies.length < flight.commands.length) return
        if (replyAfter === undefined) this.#lastReply = Math.max(this.#lastReply, soon())
        const arrival = replyAfter === undefined ? this.#lastReply : time.now + replyAfter
        time.at(arrival, 'reply', () => way.isAnswered && this.#answer(flight, replies))
      })
    }
    if (after === undefined) this.#lastArrival = at
  }

  /** Not before what was sent before over this connection. */
  #inOrder(arrival: number): number {
    return Math.max(arrival, this.#isDownUntil, this.#lastArrival)
  }

  #answer(flight: Flight, replies: unknown[]): void {
    if (flight.isOver) return
    this.#backlog.push(...replies)
    const own = this.#backlog.splice(0, flight.commands.length)
    this.#settle(
      flight,
      own.map((reply) => [reply]),
    )
  }

  #settle(flight: Flight, outcome: unknown[][] | Error): void {
    if (flight.isOver) return
    flight.isOver = true
    this.#inFlight.delete(flight)
    this.#note('gets', outcome)
    if (outcome instanceof Error) flight.reject(outcome)
    else flight.resolve(outcome)
  }

  #note(what: string, ...details: unknown[]): void {
    const { history, time } = this.#network.options
    history.add(time.now, this.name, what, ...details)
  }
}

function connectionError(code: string): Error {
  return Object.assign(new Error('the connection is lost'), { code })
}
