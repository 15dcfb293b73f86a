import {
  type Encryption,
  type FoundSession,
  type IndexBy,
  type SolidisLike,
  SolidisStore,
} from 'connect-solidis'
import { reasonOf, usage } from './errors.ts'
import { SECRETS } from './secrets.ts'

/** A client of a store, also for what is asked of Redis itself. */
export type Client = SolidisLike

/** A session as the store gives it. */
export type Session = FoundSession['session']

/** What of the options of the app's store an operator has to know. */
export interface StoreSettings {
  readonly prefix: string
  readonly encryption: Encryption | undefined
  readonly indexBy: IndexBy | undefined
}

export function openStore(client: Client, settings: StoreSettings): SolidisStore {
  try {
    return new SolidisStore({ client, ...settings })
  } catch (error) {
    throw usage(reasonOf(error).replace('encryption.secrets', SECRETS))
  }
}

/** Makes `indexBy` of a path such as `userId` or `passport.user`. Numbers become text. */
export function indexBy(path: string): (session: object) => string | undefined {
  const names = path.split('.')
  return (session) => {
    let value: unknown = session
    for (const name of names) {
      if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name))
        return undefined
      value = (value as Record<string, unknown>)[name]
    }
    const isValue = (typeof value === 'string' && value !== '') || typeof value === 'number'
    return isValue ? String(value) : undefined
  }
}
