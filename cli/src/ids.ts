import { createHash } from 'node:crypto'
import type { Context } from './context.ts'

/** What may be shown of a session in place of its id. The store has the same for `findBy`. */
export function handleOf(sid: string): string {
  return createHash('sha256').update(sid).digest('base64url').slice(0, HANDLE_LENGTH)
}

const HANDLE_LENGTH = 22
const HANDLE = new RegExp(`^[\\w-]{${HANDLE_LENGTH}}$`)

/** An id or a handle that begins with a dash; no option is as long. */
const DASHED = /^-[\w-]{21,}$/

/**
 * Lets ids and handles begin with a dash, as one of 64 does: they are moved behind `--`, after which
 * nothing is an option. The value of an option stays with it.
 * @param takesValue the options that have a value
 */
export function protectIds(args: readonly string[], takesValue: readonly string[]): string[] {
  const end = args.includes('--') ? args.indexOf('--') : args.length
  const isId = (arg: string, i: number) =>
    i < end && DASHED.test(arg) && !takesValue.includes(args[i - 1] ?? '')
  const ids = args.filter(isId)
  if (ids.length === 0) return [...args]
  const rest = args.filter((arg, i) => !isId(arg, i) && i !== end)
  const before = rest.slice(0, end - ids.length)
  return [...before, '--', ...ids, ...rest.slice(before.length)]
}

/**
 * Gives the id of the session that is meant by an id or a handle, or `undefined` if there is none. What is
 * no id, and may be a handle, is compared with those of all ids.
 */
export async function findSid(
  { store, walk }: Context,
  given: string,
): Promise<string | undefined> {
  if (await store.exists(given)) return given
  if (!HANDLE.test(given)) return undefined
  const ids = await walk('Looking for the handle', (options) => store.ids(options))
  return ids.find((sid) => handleOf(sid) === given)
}
