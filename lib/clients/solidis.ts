import { ClientError, type Command, type SolidisLike } from '../redis/client.ts'
import { STALL_MS, startDeadline } from '../redis/deadline.ts'
import { clientError, timeLimitOf } from './solidis-errors.ts'
import { outOfStep, Probe } from './solidis-probe.ts'

/** What is needed of a client of Solidis. */
export interface SolidisClient {
  send(commands: Command[]): Promise<unknown[][]>
  connect(): Promise<unknown>
  quit(): void
  on(event: string, listener: (error?: unknown) => void): unknown
}

/** So many commands may wait or be in flight at once: 10,000 calls of the store have fewer. */
const MAX_COMMANDS = 30_000
/** How long calls wait for the gate to open. */
const MAX_WAIT_MS = 5000
/** How long to rest after a probe that failed: twice as long each time, but for chance. */
const MIN_REST_MS = 100
const MAX_REST_MS = 1000

/** What was asked of the client, and whom to tell. */
interface Request {
  readonly commands: Command[]
  readonly resolve: (replies: unknown[][]) => void
  readonly reject: (error: ClientError) => void
  /** Whether it was in flight already. */
  readonly isRepeated: boolean
}

/** What cannot be encoded. */
const NO_COMMAND = [null] as never

const gates = new WeakMap<SolidisClient, Gate>()

/** Whether it is a client of Solidis, by what it can do: nothing of Solidis is imported. */
export function isSolidis(client: unknown): client is SolidisClient {
  const { send, connect, quit, on } = Object(client)
  return [send, connect, quit, on].every((method) => typeof method === 'function')
}

/** Gives the gate in front of a client: the same to all who ask. */
export function gateOf(client: SolidisClient): SolidisLike {
  const gate = gates.get(client) ?? new Gate(client)
  gates.set(client, gate)
  return gate
}

/**
 * Stands in front of a Solidis client, which can get out of step when it loses its connection: it
 * then gives calls the replies of others, and it sends commands before a new connection has come to
 * its database.
 *
 * The gate is open while the client is known to be in step. Calls pass then, and are told at once
 * when the connection ends under them. It shuts at the first sign of trouble, and opens when the
 * client is ready and has given a reply that no other call can get. Until then calls wait, but no
 * longer than it takes to know that there is no connection.
 */
class Gate implements SolidisLike {
  readonly #client: SolidisClient
  readonly #probe: Probe
  readonly #inFlight = new Set<Request>()
  readonly #waiting: Request[] = []
  /** How many commands are in flight or waiting. */
  #commands = 0
  #isOpen = false
  /** The attempt in which a nonce was sent last: there was a connection then. */
  #checking: symbol | undefined
  #connections = 0
  /** Whether the connection has been initialised; unknown until the client tells of one. */
  #isReady: boolean | undefined
  /** The attempt to open under way; what comes of older ones is not believed. */
  #attempt: symbol | undefined
  #rest: NodeJS.Timeout | undefined
  #restMs = MIN_REST_MS
  #patience: NodeJS.Timeout | undefined

  constructor(client: SolidisClient) {
    this.#client = client
    this.#probe = new Probe(client)
    client.on('connect', () => this.#connected(false))
    client.on('ready', () => this.#connected(true))
    client.on('error', (error) => this.#fail(clientError(error)))
    client.on('end', () => this.#fail(new ClientError('ENOTCONN', 'the client was closed')))
  }

  get connections(): number {
    return this.#connections
  }

  send(commands: Command[]): Promise<unknown[][]> {
    if (this.#commands >= MAX_COMMANDS) {
      const reason = `${MAX_COMMANDS} commands wait for Redis already`
      return Promise.reject(new ClientError('EOVERLOAD', reason))
    }
    this.#commands += commands.length
    return new Promise((resolve, reject) => {
      const request = { commands, resolve, reject, isRepeated: false }
      if (this.#isOpen) this.#deliver(request)
      else this.#wait(request)
    })
  }

  /** Lets the client begin anew, with a new connection; all that is in flight fails. */
  reconnect(): void {
    const isChecking = this.#attempt !== undefined && this.#attempt === this.#checking
    if (!this.#isOpen && !isChecking) return
    this.#shut(new ClientError('ECONNRESET', 'the connection was given up'))
    this.#drop()
    this.#takeRest()
  }

  /**
   * Solidis has no method for it, but drops its connection at once, and all that waits for it, when it
   * cannot encode a command. If it could, Redis would hang up.
   */
  #drop(): void {
    this.#client.send([['QUIT'], NO_COMMAND]).catch(() => {})
  }

  #deliver(request: Request): void {
    this.#inFlight.add(request)
    const { commands, resolve } = request
    const sentAt = performance.now()
    const answer = this.#probe.rejectsErrors
      ? Promise.all(commands.map(async (command) => [await this.#probe.ask(command)]))
      : this.#client.send(commands)
    answer.then(
      (replies) => {
        if (!this.#inFlight.has(request)) return
        if (replies?.length !== commands.length || hasPush(replies)) {
          return this.#fail(outOfStep())
        }
        this.#inFlight.delete(request)
        this.#commands -= commands.length
        resolve(replies)
      },
      (error) => {
        if (!this.#inFlight.has(request)) return
        const limit = timeLimitOf(error)
        const wasBusy = limit !== undefined && performance.now() - sentAt > limit + STALL_MS
        this.#shut(clientError(error), wasBusy)
      },
    )
  }

  #wait(request: Request): void {
    this.#keep(request)
    if (this.#attempt === undefined && this.#rest === undefined) this.#tryToOpen()
  }

  #keep(request: Request): void {
    this.#waiting.push(request)
    this.#patience ??= this.#startPatience()
  }

  /** Like the time of a call, it is not over while the process was too busy to see the connection come. */
  #startPatience(): NodeJS.Timeout {
    const expire = () => {
      if (this.#patience === patience) this.#failWaiting(tooLate())
    }
    const patience = startDeadline({ expire }, MAX_WAIT_MS, performance.now() + MAX_WAIT_MS)
    return patience
  }

  /** The client tells of a new connection: what was sent over the one before is lost. */
  #connected(isReady: boolean): void {
    // Where initialisations have overtaken each other, each of them says so.
    if (isReady && this.#isReady) return
    this.#isReady = isReady
    if (isReady) this.#connections++
    this.#attempt = undefined
    this.#shut(new ClientError('ECONNRESET', 'the connection was lost'))
    if (isReady) this.#tryToOpen()
  }

  async #tryToOpen(): Promise<void> {
    clearTimeout(this.#rest)
    this.#rest = undefined
    const attempt = Symbol('attempt')
    this.#attempt = attempt
    try {
      await this.#client.connect()
      if (this.#attempt !== attempt) return
      if (this.#isReady === false) return this.#takeRest()
      this.#checking = attempt
      await this.#probe.check()
      if (this.#attempt === attempt) this.#open()
    } catch (error) {
      if (this.#attempt !== attempt) return
      // A connection that is out of step stays so.
      if (clientError(error).code === 'EPROTO') this.#drop()
      this.#fail(clientError(error))
    }
  }

  #open(): void {
    this.#attempt = undefined
    this.#isOpen = true
    this.#restMs = MIN_REST_MS
    clearTimeout(this.#patience)
    this.#patience = undefined
    for (const request of this.#waiting.splice(0)) this.#deliver(request)
  }

  /**
   * Nothing is sent any more, and nothing that comes for what was sent is believed.
   * @param wasBusy whether the process was: then the client has looked at its clock before its socket,
   * and drops the connection with all answers that are there. So what was in flight is sent once more,
   * as whatever the store sends may be.
   */
  #shut(error: ClientError, wasBusy = false): void {
    this.#isOpen = false
    const requests = [...this.#inFlight]
    this.#inFlight.clear()
    for (const request of requests) {
      if (wasBusy && !request.isRepeated) this.#keep({ ...request, isRepeated: true })
      else this.#reject(request, afterSending(error))
    }
    // Later: of what is sent before the client has dropped its connection, nothing arrives.
    if (wasBusy && this.#waiting.length > 0) this.#tryLater(1)
  }

  /** There is no connection, or none to be trusted. */
  #fail(error: ClientError): void {
    this.#shut(error)
    this.#failWaiting(error)
    this.#takeRest()
  }

  #failWaiting(error: ClientError): void {
    clearTimeout(this.#patience)
    this.#patience = undefined
    for (const request of this.#waiting.splice(0)) this.#reject(request, error)
  }

  #reject({ commands, reject }: Request, error: ClientError): void {
    this.#commands -= commands.length
    reject(error)
  }

  /** After it, another attempt is made if calls wait for it; sooner if the client is ready. */
  #takeRest(): void {
    this.#attempt = undefined
    if (this.#rest !== undefined) return
    this.#tryLater(this.#restMs * (0.5 + Math.random() / 2))
    this.#restMs = Math.min(this.#restMs * 2, MAX_REST_MS)
  }

  #tryLater(milliseconds: number): void {
    this.#rest ??= setTimeout(() => {
      this.#rest = undefined
      if (this.#waiting.length > 0) this.#tryToOpen()
    }, milliseconds).unref()
  }
}

/** Whether a push of RESP3 is among the replies, which Solidis takes for the reply to a call. */
function hasPush(replies: unknown[][]): boolean {
  for (let i = 0; i < replies.length; i++) {
    const reply = replies[i]?.[0]
    if (Array.isArray(reply) && reply.constructor !== Array) return true
  }
  return false
}

/** ENOTCONN says that nothing was sent, which is not so of what was in flight when the client was closed. */
function afterSending(error: ClientError): ClientError {
  return error.code === 'ENOTCONN' ? new ClientError('ECONNRESET', error.message, error) : error
}

function tooLate(): ClientError {
  return new ClientError('ETIMEDOUT', 'no connection in time')
}
