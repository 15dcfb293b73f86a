import { createHash } from 'node:crypto'
import { handleOf as handleOfId } from 'connect-solidis'
import type { Context } from './context.ts'

/*
 * What stands in a key is the id of a session or, where the app hashes keys, a digest of it. Commands take
 * it for the id, and find it by the real one, too.
 */

const HANDLE_LENGTH = 22
const HANDLE = new RegExp(`^[\\w-]{${HANDLE_LENGTH}}$`)
const DIGEST = /^[\w-]{43}$/

/** An id or a handle that begins with a dash; no option is as long. */
const DASHED = /^-[\w-]{21,}$/

/** Whether it may be the digest of an id. */
export function isDigest(sid: string): boolean {
  return DIGEST.test(sid)
}

/** What stands for an id in a key where the app hashes keys. */
export function digestOf(sid: string): string {
  return createHash('sha256').update(sid).digest('base64url')
}

/** What may be shown of a session in place of its id: the same as `findBy` gives in the app. */
export function handleOf(sid: string): string {
  return isDigest(sid) ? sid.slice(0, HANDLE_LENGTH) : handleOfId(sid)
}

/** Whether a handle is of a session: an app's own ids may look like digests. */
export function hasHandle(sid: string, handle: string): boolean {
  return handleOf(sid) === handle || handleOfId(sid) === handle
}

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
 * Gives what stands in the key of the session that is meant by an id, a digest or a handle, or `undefined`
 * if there is none. What is no id, and may be a handle, is compared with those of all ids.
 */
export async function findSid(
  { store, walk }: Context,
  given: string,
): Promise<string | undefined> {
  for (const sid of [given, digestOf(given)]) if (await store.exists(sid)) return sid
  if (!HANDLE.test(given)) return undefined
  const ids = await walk('Looking for the handle', (options) => store.ids(options))
  return ids.find((sid) => hasHandle(sid, given))
}
