import type { Encryption } from 'connect-solidis'
import { usage } from './errors.ts'

/** Where the secrets stand: other users of the machine see arguments, but no environment. */
export const SECRETS = 'SESSION_ENCRYPTION_SECRETS'

/** How the sessions are encrypted, if secrets are given. */
export function encryptionOf(acceptPlain: boolean): Encryption | undefined {
  const { [SECRETS]: secrets } = process.env
  return secrets ? { secrets: secrets.split(','), acceptPlain } : undefined
}

/** Some commands cannot do without secrets. */
export function requireSecrets(what: string): void {
  if (process.env[SECRETS]) return
  throw usage(`${what} needs the secrets of the app in ${SECRETS}, separated by commas`)
}
