import {
  type FoundSession,
  type SolidisStore,
  solidisOptions,
  type WalkProgress,
} from 'connect-solidis'
import { addressOf, type ClientName, type Connection, connect } from './clients.ts'
import { reasonOf, usage } from './errors.ts'
import { Progress } from './progress.ts'
import { nodesOf } from './redis.ts'
import { encryptionOf } from './secrets.ts'
import { indexBy, openStore, type StoreSettings } from './store.ts'
import { Unreadable } from './unreadable.ts'

/** The options that all commands have. */
export interface CommonOptions {
  readonly url: string
  readonly prefix: string
  readonly index?: string
  readonly client?: ClientName
  readonly acceptPlain: boolean
  readonly json: boolean
}

/** What what visits many sessions is given. */
export interface Walk {
  readonly signal: AbortSignal
  readonly onProgress: (progress: WalkProgress) => void
}

/** What a command works with. */
export interface Context {
  readonly store: SolidisStore
  readonly connection: Connection
  readonly options: CommonOptions
  /** Where Redis is, to be shown. */
  readonly address: string
  /** Aborted when the user wants an end. */
  readonly signal: AbortSignal
  /** Whether the secrets of encrypted sessions are given. */
  readonly hasSecrets: boolean
  /** What the store could not read as sessions so far. */
  readonly unreadable: Unreadable
  /**
   * Gives what the index lists under a value, whether or not it is what `--index` finds. Unlike the store's
   * `findBy`, it takes nothing out of the index, as a wrong `--index` would.
   */
  listedUnder(value: string): Promise<FoundSession[]>
  /**
   * Does what visits many sessions, and shows how far it has come.
   * @param total how many there are, if that is known; else no more than there are keys
   */
  walk<T>(label: string, visit: (walk: Walk) => Promise<T>, total?: number): Promise<T>
}

export async function openContext(options: CommonOptions, signal: AbortSignal): Promise<Context> {
  const { prefix, index } = options
  const target = targetOf(options.url)
  const encryption = encryptionOf(options.acceptPlain)
  const connection = await connect(target, prefix, options.client)
  const hasSecrets = encryption !== undefined
  const unreadable = new Unreadable(hasSecrets)
  const open = (indexBy: StoreSettings['indexBy']) =>
    openStore(connection.client, { prefix, encryption, indexBy }).on('invalid', ({ error }) => {
      unreadable.add(error)
    })
  return {
    store: open(index === undefined ? undefined : indexBy(index)),
    connection,
    options,
    address: addressOf(target),
    signal,
    hasSecrets,
    unreadable,
    listedUnder: (value) => open(() => value).findBy(value),
    async walk(label, visit, total) {
      const progress = new Progress(label, total ?? (await keysOf(connection)))
      try {
        return await visit({ signal, onProgress: ({ done }) => progress.update(done) })
      } finally {
        progress.stop()
      }
    },
  }
}

/** Some commands cannot do without `--index`. */
export function requireIndex({ index }: CommonOptions, what: string): void {
  if (index !== undefined) return
  throw usage(
    `${what} needs --index, the attribute by which the app's indexBy finds a session's user, ` +
      'such as --index userId or --index passport.user',
  )
}

function targetOf(url: string) {
  try {
    return solidisOptions(url)
  } catch (error) {
    throw usage(`--${reasonOf(error)}`)
  }
}

/** Only a bar needs to know. */
async function keysOf({ client }: Connection): Promise<number | undefined> {
  if (!process.stderr.isTTY) return undefined
  let total = 0
  for (const node of await nodesOf(client)) {
    const [[size] = []] = await node.send([['DBSIZE']])
    if (size instanceof Error) return undefined
    total += Number(size)
  }
  return total
}
