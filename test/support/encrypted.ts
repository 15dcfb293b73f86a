import type { SolidisStore, SolidisStoreOptions } from '../../lib/index.ts'
import { Names } from '../../lib/session/name.ts'
import { Sealing } from '../../lib/session/sealing.ts'

const { TEST_ENCRYPTED } = process.env

const secrets = ['a secret of the tests, of 32 bytes']

/**
 * What all stores of the conflict suite are given where it is run once more, encrypted: see
 * `npm run test:encrypted`. With `TEST_ENCRYPTED=hash`, their keys are digests besides.
 */
export const ENCRYPTED: Partial<SolidisStoreOptions> = TEST_ENCRYPTED
  ? { encryption: { secrets }, hashKeys: TEST_ENCRYPTED === 'hash' }
  : {}

/** Why a test cannot be run once more, encrypted, if it is being so. */
export const isEncrypted = ENCRYPTED.encryption !== undefined
export const hasDigests = ENCRYPTED.hashKeys === true

const names = new Names(hasDigests)

/** How the store of a test, and its events, call a session. */
export const nameOf = (sid: string) => names.of(sid)

/** The text of a session in what Redis holds of it. */
export function textIn(prefix: string, sid: string, payload: unknown): string {
  return sealingOf(prefix).open(nameOf(sid), String(payload))
}

/** What Redis is to hold of a session with this text. */
export function sealed(prefix: string, sid: string, text: string): string {
  return sealingOf(prefix).seal(nameOf(sid), text)
}

function sealingOf(prefix: string): Sealing {
  const encryption = ENCRYPTED.encryption && { secrets, acceptPlain: true }
  return new Sealing({ prefix, encryption, compression: undefined, maxPayload: Infinity })
}

/** The key of a session. */
export function keyOf({ prefix }: Pick<SolidisStore, 'prefix'>, sid: string): string {
  return prefix + nameOf(sid)
}
