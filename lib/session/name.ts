import { hash } from 'node:crypto'
import { badArgument } from '../errors.ts'

/** Of base64url, so many characters are 128 bits or more. */
const HANDLE_LENGTH = 22
const DIGEST = /^[\w-]{43}$/

/**
 * What a page may show in place of a session id, which nobody makes the id of again: a digest of it, in
 * 22 characters of base64url. `findBy` gives it, and `destroyBy` takes it.
 */
export function handleOf(sid: string): string {
  return digestOf(sid).slice(0, HANDLE_LENGTH)
}

/**
 * By which names sessions are known, to Redis and in the events and lists of the store: their ids, or
 * digests of them. All but the methods that are given an id know the name alone, and call it `sid`.
 */
export class Names {
  readonly #areDigests: boolean

  constructor(hashKeys: boolean) {
    this.#areDigests = hashKeys
  }

  /** @throws TypeError if it is no session id */
  of(sid: string): string {
    if (typeof sid !== 'string') throw badArgument('sid', 'a string', sid)
    // Else two ids that differ in a lone surrogate would share a key.
    if (!(sid as string & { isWellFormed(): boolean }).isWellFormed()) {
      throw badArgument('sid', 'a string of well-formed Unicode', sid)
    }
    return this.#areDigests ? digestOf(sid) : sid
  }

  /** Whether it may be a name that the store gave, and is to be told from an id. */
  isDigest(sid: string): boolean {
    return this.#areDigests && DIGEST.test(sid)
  }

  /** The handle of a session with this name. */
  handleOf(name: string): string {
    return this.isDigest(name) ? name.slice(0, HANDLE_LENGTH) : handleOf(name)
  }
}

function digestOf(sid: string): string {
  return hash('sha256', sid, 'base64url')
}
