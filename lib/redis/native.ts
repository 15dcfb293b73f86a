import type { Command } from './client.ts'
import { KEEP } from './commands.ts'

/**
 * Whether the server has a compare and set of its own, SET with IFEQ: Redis 8.4 has, and Valkey 8.1. Each
 * connection learns it anew, from the answer to the first command that would use it; until then, and
 * where there is none, scripts do the same.
 */
export class Native {
  #isThere: boolean | undefined
  #isAsked = false
  /** So many compare and sets of a key are unanswered over this connection, of either kind. */
  #unanswered = new Map<string, number>()

  /** Whether there is none, so that nothing need be known of what is sent. */
  get isMissing(): boolean {
    return this.#isThere === false
  }

  /** Another server may answer from now on. */
  forget(): void {
    this.#isThere = undefined
    this.#isAsked = false
    this.#unanswered = new Map()
  }

  /**
   * Who was asked has it, or has it not, as then all of a cluster are taken not to have it; `undefined`:
   * that did not show.
   */
  learn(isThere: boolean | undefined): void {
    this.#isAsked = false
    if (this.#isThere !== false) this.#isThere = isThere ?? this.#isThere
  }

  /**
   * Gives the command that does what COMPARE_AND_SET does with these arguments, and answers with what
   * the key held before; `undefined` where that is for the script. One at a time asks whether there
   * is such a command; and what is held of a key is no answer to two at a time.
   */
  commandFor(key: string, args: Command): Command | undefined {
    if (this.#isAsked || this.#unanswered.has(key)) return undefined
    const command = setIfEqual(key, args as string[])
    if (command !== undefined && this.#isThere === undefined) this.#isAsked = true
    return command
  }

  /** A compare and set of a key is sent. Gives what to call when it is answered, or will never be. */
  sent(key: string): () => void {
    const unanswered = this.#unanswered
    unanswered.set(key, (unanswered.get(key) ?? 0) + 1)
    return () => {
      const others = (unanswered.get(key) as number) - 1
      if (others === 0) unanswered.delete(key)
      else unanswered.set(key, others)
    }
  }
}

/** It compares with one payload, which has to be told from others by the text of the reply. */
function setIfEqual(key: string, [payload, ttlMs, expected, ...others]: string[]) {
  if (others.length > 0 || !isExact(payload as string) || !isExact(expected as string)) return
  const command: Command = ['SET', key, payload as string, 'IFEQ', expected as string, 'GET']
  if (ttlMs === KEEP) command.push('KEEPTTL')
  else if (ttlMs !== String(Infinity)) command.push('PX', ttlMs as string)
  return command
}

/** Whether no other bytes are the same text. What is no UTF-8 becomes replacement characters. */
function isExact(text: string): boolean {
  return text.isWellFormed() && !text.includes('\ufffd')
}
