import type { SolidisStore, SolidisStoreOptions } from '../../lib/index.ts'
import { Sealing } from '../../lib/session/sealing.ts'

/** Whether the conflict suite is run once more, encrypted: see `npm run test:encrypted`. */
export const isEncrypted = process.env.TEST_ENCRYPTED !== undefined

const secrets = ['a secret of the tests, of 32 bytes']

/** What all stores of the conflict suite are given then. */
export const ENCRYPTED: Partial<SolidisStoreOptions> = isEncrypted
  ? { encryption: { secrets } }
  : {}

/** The text of a session in what Redis holds of it. */
export function textIn(prefix: string, sid: string, payload: unknown): string {
  return sealingOf(prefix).open(sid, String(payload))
}

/** What Redis is to hold of a session with this text. */
export function sealed(prefix: string, sid: string, text: string): string {
  return sealingOf(prefix).seal(sid, text)
}

function sealingOf(prefix: string): Sealing {
  const { encryption } = ENCRYPTED
  return new Sealing({ prefix, encryption, compression: undefined, maxPayload: Infinity })
}

/** The key of a session. */
export function keyOf({ prefix }: Pick<SolidisStore, 'prefix'>, sid: string): string {
  return prefix + sid
}
