import { readFileSync } from 'node:fs'
import { Command, InvalidArgumentError, Option } from 'commander'
import { CLIENTS } from './clients.ts'
import { type ClearOptions, checkClear, clear } from './commands/clear.ts'
import { count } from './commands/count.ts'
import { type DoctorOptions, doctor } from './commands/doctor.ts'
import { end } from './commands/end.ts'
import { type EndByOptions, endBy } from './commands/end-by.ts'
import { type ListOptions, list } from './commands/list.ts'
import { reencrypt } from './commands/reencrypt.ts'
import { reindex } from './commands/reindex.ts'
import { type ShowOptions, show } from './commands/show.ts'
import { type CommonOptions, type Context, openContext, requireIndex } from './context.ts'
import { requireSecrets, SECRETS } from './secrets.ts'

const DEFAULT_URL = 'redis://127.0.0.1:6379'
const SID_OR_HANDLE = 'the session id, or a handle, for which all ids are looked through'

/** @param signal aborted when the user wants an end */
export function createProgram(signal: AbortSignal): Command {
  const program = new Command('connect-solidis')
    .description('Counts, lists, shows and ends the sessions that connect-solidis keeps in Redis.')
    .version(version())
    .option('--url <url>', `where Redis is (default: $REDIS_URL, or ${DEFAULT_URL})`)
    .option('--prefix <prefix>', 'the prefix option of the store', 'sess:')
    .option('--index <path>', "the attribute by which the store's indexBy goes, e.g. passport.user")
    .addOption(new Option('--client <name>', 'through which client').choices(CLIENTS))
    .option(
      '--accept-plain',
      "the store's encryption.acceptPlain: read what is not encrypted",
      false,
    )
    .option('--json', 'give the result as JSON', false)
    .addHelpText(
      'after',
      `\nEnvironment: REDIS_URL; ${SECRETS}, to read encrypted sessions: the secrets of the app, separated by commas.\n` +
        'Exit codes: 0 done, 1 failed or not found, 2 not understood, 130 interrupted.',
    )
    .showHelpAfterError('(--help shows what there is)')
    .configureHelp({ showGlobalOptions: true })
    .exitOverride()

  /** A command that does its work with a store. */
  function command<O = object>(
    name: string,
    description: string,
    work: (context: Context, args: string[], options: O) => Promise<void>,
    /** Refuses before there is a connection. */
    check?: (options: CommonOptions & O) => void,
  ): Command {
    return program
      .command(name)
      .description(description)
      .action(async (...given: unknown[]) => {
        const self = given.at(-1) as Command
        const options = self.optsWithGlobals<CommonOptions & O>()
        check?.(options)
        const url = options.url ?? (process.env.REDIS_URL || DEFAULT_URL)
        const context = await openContext({ ...options, url }, signal)
        try {
          await work(context, self.args, options)
        } finally {
          context.connection.close()
        }
      })
  }

  command('count', 'count the sessions', (context) => count(context))
  command<ListOptions>(
    'list',
    'list the sessions, by handles rather than ids',
    (context, _, options) => list(context, options),
    (options) => {
      if (options.by !== undefined) requireIndex(options, 'list --by')
    },
  )
    .option('--by <value>', 'only those of this value of --index, newest first')
    .option('--limit <n>', 'show so many at most (default: 100 on a terminal)', positiveInteger)
    .option('--sids', 'show whole session ids: who has one may be that user', false)
  command<ShowOptions>(
    'show',
    "show a session's life, attributes and sizes",
    (context, [sid], options) => show(context, sid as string, options),
  )
    .argument('<sid>', SID_OR_HANDLE)
    .option('--payload', 'show what the session contains, too', false)
    .option('--sids', 'show the whole session id', false)
  command('end', 'end a session', (context, [sid]) => end(context, sid as string)).argument(
    '<sid>',
    SID_OR_HANDLE,
  )
  command<EndByOptions>(
    'end-by',
    "end a user's sessions",
    (context, [value], options) => endBy(context, value as string, options),
    (options) => requireIndex(options, 'end-by'),
  )
    .argument('<value>', 'the value of --index')
    .option('--only <handle>', 'end this one alone')
    .option('--except <sid>', 'leave this one')
  command<ClearOptions>(
    'clear',
    'end all sessions',
    (context, _, options) => clear(context, options),
    checkClear,
  ).option('--yes', 'do not ask', false)
  command(
    'reindex',
    'put all sessions into the index of --index',
    (context) => reindex(context),
    (options) => requireIndex(options, 'reindex'),
  )
  command(
    'reencrypt',
    'encrypt all sessions by the first of the secrets',
    (context) => reencrypt(context),
    () => requireSecrets('reencrypt'),
  )
  command<DoctorOptions>(
    'doctor',
    'check Redis, what may be done in it, and what is in it',
    (context, _, options) => doctor(context, options),
  ).option('--sample <n>', 'look at so many sessions', positiveInteger, 1000)
  return program
}

/** The options that have a value, as they are written. */
export function takesValue(program: Command): string[] {
  return [program, ...program.commands]
    .flatMap(({ options }) => options)
    .filter(({ required }) => required)
    .map(({ long }) => String(long))
}

function positiveInteger(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('Expected a positive number.')
}

function version(): string {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  return JSON.parse(manifest).version
}
