import { randomBytes } from 'node:crypto'
import { ClientError, type Command } from '../redis/client.ts'
import { isErrorReply } from './solidis-errors.ts'

/** Each gives the argument that is put after it. */
const ECHO = ['ECHO']
const EVAL = ['EVAL', 'return ARGV[1]', '0']

interface Sender {
  send(commands: Command[]): Promise<unknown[][]>
}

/** Finds out whether a client gives each call its own reply. */
export class Probe {
  readonly #client: Sender
  #question = ECHO
  #rejectsErrors: boolean | undefined

  constructor(client: Sender) {
    this.#client = client
  }

  /** Whether the client rejects all that was sent together if one error reply is in it. */
  get rejectsErrors(): boolean {
    return this.#rejectsErrors === true
  }

  /**
   * Asks for something that can be the reply to no other call.
   * @throws if it does not come
   */
  async check(): Promise<void> {
    const nonce = randomBytes(16).toString('hex')
    const [reply] = await Promise.all([this.ask([...this.#question, nonce]), this.#seeAnError()])
    if (reply instanceof Error) {
      if (!reply.message.startsWith('NOPERM') || this.#question === EVAL) throw reply
      // A user of Redis who may not do this may run scripts, or could not use the store.
      this.#question = EVAL
      return this.check()
    }
    if (String(reply) !== nonce) throw outOfStep()
  }

  /** Resolves to the reply to one command, also where it is an error. */
  ask(command: Command): Promise<unknown> {
    return this.#client.send([command]).then(
      ([reply]) => reply?.[0],
      (error) => {
        if (!isErrorReply(error)) throw error
        this.#rejectsErrors = true
        return error
      },
    )
  }

  /** Finds out once what becomes of an error: without an argument, Redis refuses to echo. */
  async #seeAnError(): Promise<void> {
    if (this.#rejectsErrors !== undefined) return
    const reply = await this.ask(['ECHO'])
    if (!(reply instanceof Error)) throw outOfStep()
    this.#rejectsErrors ??= false
  }
}

/** What to say of a client whose replies are not to be trusted. */
export function outOfStep(): ClientError {
  return new ClientError('EPROTO', 'the client gives calls the replies of others')
}
