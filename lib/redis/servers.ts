import { randomBytes } from 'node:crypto'
import type { RedisError } from '../errors.ts'
import { Breaker, type BreakerState } from './breaker.ts'
import type { Call } from './call.ts'
import type { Command, SolidisLike } from './client.ts'
import { echo, keyOf } from './commands.ts'
import type { Pipeline } from './pipeline.ts'
import { isErrorReply } from './replies.ts'
import { Server } from './server.ts'

export type OnBreaker = (state: BreakerState, cause: RedisError) => void

/** Of several states, the one of the whole is the first of these. */
const FROM_BAD_TO_GOOD = ['open', 'halfOpen', 'closed'] as const

/** The server behind a client, or those of a cluster, each with a breaker of its own. */
export class Servers {
  readonly #client: SolidisLike
  readonly #pipeline: Pipeline
  readonly #onBreaker: OnBreaker | undefined
  /** The only one, or whichever the client takes. */
  readonly #any: Server
  /** By what the client calls them. */
  readonly #nodes = new Map<string, Server>()
  #state: BreakerState = 'closed'

  /** @param onBreaker is told how the state changes, and why; `undefined`: there are no breakers */
  constructor(client: SolidisLike, pipeline: Pipeline, onBreaker: OnBreaker | undefined) {
    this.#client = client
    this.#pipeline = pipeline
    this.#onBreaker = onBreaker
    this.#any = this.#create()
  }

  /** The worst of them all. */
  get state(): BreakerState {
    return this.#state
  }

  /** The one to which a command goes. */
  of(command: Command): Server {
    if (this.#client.nodeOf === undefined) return this.#any
    const key = keyOf(command)
    const node = key === undefined ? undefined : this.#client.nodeOf(key)
    if (node === undefined) return this.#any
    const server = this.#nodes.get(node) ?? this.#add(node)
    server.key = key
    return server
  }

  /** A call had no answer in time. It is the fault of who answered nobody, for most of that time. */
  timedOut({ beganAt, deadline }: Call<never>, cause: RedisError): void {
    for (const server of this.#all) {
      if (server.isSilentSince((beganAt + deadline) / 2)) server.breaker?.timedOut(cause)
    }
  }

  /** Lets calls to all of them fail. */
  open(cause: RedisError): void {
    for (const { breaker } of this.#all) breaker?.open(cause)
  }

  get #all(): Server[] {
    return [this.#any, ...this.#nodes.values()]
  }

  /** Forgets, by the way, those that may be gone: what is still there is soon known again. */
  #add(node: string): Server {
    for (const [other, server] of this.#nodes) if (server.isIdle) this.#nodes.delete(other)
    const server = this.#create(node)
    this.#nodes.set(node, server)
    return server
  }

  #create(node?: string): Server {
    if (this.#onBreaker === undefined) return new Server(undefined)
    const server: Server = new Server(
      new Breaker({
        probe: (done) => this.#probe(server.key, done),
        reconnect: () => this.#client.reconnect?.(node),
        changed: (state, cause) => {
          // Another may have its keys by now.
          if (state !== 'closed') this.#client.rediscover?.()
          this.#changed(cause)
        },
      }),
    )
    return server
  }

  #changed(cause: RedisError): void {
    const states = this.#all.map(({ breaker }) => breaker?.state)
    const state = FROM_BAD_TO_GOOD.find((each) => states.includes(each)) as BreakerState
    if (state === this.#state) return
    this.#state = state
    this.#onBreaker?.(state, cause)
  }

  /** Asks whoever has a key by now. */
  #probe(key: Server['key'], done: (isRight: boolean) => void): void {
    const nonce = newNonce()
    this.#pipeline.send([echo(nonce, key)], (failure, replies) => {
      // Who is refused ECHO has got an answer, too.
      const reply = failure ?? replies[0]?.[0]
      const isRefused = isErrorReply(reply) && (reply as Error).message.startsWith('NOPERM')
      done(String(reply) === nonce || isRefused)
    })
  }
}

function newNonce(): string {
  return randomBytes(9).toString('base64url')
}
