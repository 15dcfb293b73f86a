import type { Command, SolidisLike } from '../redis/client.ts'

/** A client that takes one command at a time, in the shape of Solidis. */
export class WrappedClient implements SolidisLike {
  readonly pipelines = false
  readonly #sendOne: (command: Command) => Promise<unknown>
  readonly #masters: (() => Promise<SolidisLike[]>) | undefined

  /** @param masters gives a client for each master of a cluster */
  constructor(
    sendOne: (command: Command) => Promise<unknown>,
    masters?: () => Promise<SolidisLike[]>,
  ) {
    this.#sendOne = sendOne
    this.#masters = masters
  }

  async send(commands: Command[]): Promise<unknown[][]> {
    return Promise.all(commands.map((command) => this.#sendOne(command).then(alone, errorInPlace)))
  }

  async nodes(): Promise<SolidisLike[]> {
    return this.#masters === undefined ? [this] : this.#masters()
  }
}

function alone(reply: unknown): unknown[] {
  return [reply]
}

function errorInPlace(error: unknown): unknown[] {
  return [error instanceof Error ? error : new Error(String(error))]
}
