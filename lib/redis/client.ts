/** A command and its arguments, e.g. `['GET', 'sess:1']`. */
export type Command = (string | Buffer)[]

/** A reply as clients give it: a bulk string is a Buffer or text, an integer a number or its text. */
export type Reply = Buffer | string | number | bigint | null | Reply[]

/**
 * All that the store needs of a client. A Solidis client has it as it is; `fromNodeRedis` and
 * `fromIoredis` give it to the others. What is optional says what the client is good at.
 */
export interface SolidisLike {
  /**
   * Sends commands, and resolves to one array a command, with its reply in it. An error reply is an
   * `Error` in its place; a client that cannot deliver rejects. A command names one key at most, or
   * several where the client has no `nodes`, and so one server to have them all.
   */
  send(commands: Command[]): Promise<unknown[][]>
  /**
   * Whether commands that are sent together cost hardly more than one, as in a pipeline. Where it is
   * `false`, the store sends as few as it can. Default `true`.
   */
  readonly pipelines?: boolean
  /** How often the client has connected, if it says. */
  readonly connections?: number | undefined
  /**
   * Lets the client begin anew, with a new connection. What is in flight fails.
   * @param node the one to connect to anew, where there are several; else all of them
   */
  reconnect?(node?: string): void
  /** What the client calls the node that has a key, where there are several, and it knows. */
  nodeOf?(key: Command[number]): string | undefined
  /** Lets the client find out anew which node has which keys. */
  rediscover?(): void
  /** A client for each server that has keys of its own for SCAN to visit. Default: this one alone. */
  nodes?(): Promise<SolidisLike[]>
}

/** Why a client could not deliver, with a code such as `ETIMEDOUT` or `ECONNRESET`. */
export class ClientError extends Error {
  override readonly name = 'ClientError'
  readonly code: string

  constructor(code: string, reason: string, cause?: unknown) {
    super(reason, { cause })
    this.code = code
  }
}
