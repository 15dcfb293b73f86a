import { solidisOptions } from 'connect-solidis'
import { addressOf, type ClientName, type Connection, connect } from './clients.ts'
import { reasonOf, usage } from './errors.ts'
import { Progress } from './progress.ts'
import { nodesOf } from './redis.ts'
import { type OperatorStore, openStore, type WalkOptions } from './store.ts'

/** The options that all commands have. */
export interface CommonOptions {
  readonly url: string
  readonly prefix: string
  readonly index?: string
  readonly client?: ClientName
  readonly json: boolean
}

/** What a command works with. */
export interface Context {
  readonly store: OperatorStore
  readonly connection: Connection
  readonly options: CommonOptions
  /** Where Redis is, to be shown. */
  readonly address: string
  /** Aborted when the user wants an end. */
  readonly signal: AbortSignal
  /** How many keys the store could not read as sessions so far. */
  readonly invalid: { count: number }
  /**
   * Does what visits many sessions, and shows how far it has come.
   * @param total how many there are, if that is known; else no more than there are keys
   */
  walk<T>(label: string, visit: (options: WalkOptions) => Promise<T>, total?: number): Promise<T>
}

export async function openContext(options: CommonOptions, signal: AbortSignal): Promise<Context> {
  const target = targetOf(options.url)
  const connection = await connect(target, options.prefix, options.client)
  const store = openStore(connection.client, options.prefix, options.index)
  const invalid = { count: 0 }
  store.on('invalid', () => {
    invalid.count++
  })
  return {
    store,
    connection,
    options,
    address: addressOf(target),
    signal,
    invalid,
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
