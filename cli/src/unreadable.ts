import type { InvalidSessionError, RedisError } from 'connect-solidis'
import { countOf } from './format.ts'
import { say } from './output.ts'
import { SECRETS } from './secrets.ts'

/** Of these, others may make sessions all the same: the app, which has its secrets. */
const LACKS = ['ESECRET', 'EPLAIN', 'ECODEC']

/** What stands under keys of sessions and could not be read as such. */
export class Unreadable {
  readonly #hasSecrets: boolean
  readonly #counts = new Map<string, number>()

  constructor(hasSecrets: boolean) {
    this.#hasSecrets = hasSecrets
  }

  add({ code }: InvalidSessionError | RedisError): void {
    this.#counts.set(code, this.of(code) + 1)
  }

  /** How many there are of this code of the store. */
  of(code: string): number {
    return this.#counts.get(code) ?? 0
  }

  get total(): number {
    return [...this.#counts.values()].reduce((sum, count) => sum + count, 0)
  }

  /** How many of them may be sessions to the app. */
  get lacking(): number {
    return LACKS.reduce((sum, code) => sum + this.of(code), 0)
  }

  /** How many are of no use to anybody, and not because they were changed. */
  get others(): number {
    return this.total - this.lacking - this.of('EDECRYPT')
  }

  /** What is the matter with the one that there is. */
  whyNot(): string {
    const [code] = this.#counts.keys()
    const why = code && this.#why(code)
    return why ? `The session is ${why}.` : 'There is something, but no readable session.'
  }

  /** Says, if there are some, why they are missing in what was done. */
  sayLeftOut(): void {
    for (const [code, count] of this.#counts) {
      const why = this.#why(code)
      if (why) say(`Left out: ${countOf(count)} of the keys, which are ${why}.`)
    }
    const { others } = this
    if (others > 0) say(`Left out: ${countOf(others)} of the keys, which hold nothing readable.`)
  }

  #why(code: string): string | undefined {
    switch (code) {
      case 'ESECRET':
        return this.#hasSecrets
          ? `encrypted with a secret that ${SECRETS} does not have`
          : `encrypted: set ${SECRETS} to the secrets of the app`
      case 'EPLAIN':
        return 'not encrypted: see --accept-plain'
      case 'EDECRYPT':
        return 'altered after encryption, or moved from another key'
      case 'ECODEC':
        return `compressed by what this Node (${process.version}) lacks`
      default:
        return undefined
    }
  }
}
