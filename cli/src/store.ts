import { SolidisStore } from 'connect-solidis'
import { reasonOf, usage } from './errors.ts'

/** A session as the store gives it. */
export type Session = Record<string, unknown> & { cookie?: Record<string, unknown> }

/** What the methods that visit many sessions take. */
export interface WalkOptions {
  readonly signal: AbortSignal
  readonly onProgress: (progress: { done: number }) => void
}

/** What `findBy` gives. */
export interface Found {
  readonly sid: string
  readonly handle: string
  readonly session: Session
  readonly expiresAt: Date | null
}

/** What the commands use of the store, all of it public. */
export interface OperatorStore extends AsyncIterable<[sid: string, session: Session]> {
  readonly client: Client
  readonly prefix: string
  get(sid: string): Promise<Session | null>
  set(sid: string, session: Session): Promise<void>
  touch(sid: string, session: Session): Promise<void>
  update(sid: string, change: (session: Session) => void): Promise<Session | null>
  destroy(sid: string): Promise<void>
  exists(sid: string): Promise<boolean>
  length(options: WalkOptions): Promise<number>
  ids(options: WalkOptions): Promise<string[]>
  clear(options: WalkOptions): Promise<void>
  reindex(options: WalkOptions): Promise<number>
  findBy(value: string): Promise<Found[]>
  destroyBy(value: string, options?: { except?: string; only?: string }): Promise<number>
  on(event: 'invalid', listener: () => void): unknown
}

/** The client of a store, for what is asked of Redis itself. */
export interface Client {
  send(commands: string[][]): Promise<unknown[][]>
  nodes?(): Promise<Client[]>
}

/** @param index the path of the attribute by which sessions are indexed, if they are */
export function openStore(
  client: Client,
  prefix: string,
  index: string | undefined,
): OperatorStore {
  const options = { client, prefix, ...(index === undefined ? {} : { indexBy: indexBy(index) }) }
  try {
    return new SolidisStore(options as never) as unknown as OperatorStore
  } catch (error) {
    throw usage(reasonOf(error))
  }
}

/** Makes `indexBy` of a path such as `userId` or `passport.user`. Numbers become text. */
export function indexBy(path: string): (session: Session) => string | undefined {
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
