import type { SessionData } from 'express-session'
import { badArgument, isObject } from '../errors.ts'
import type { InTime, Member } from './members.ts'
import type { Owners } from './owners.ts'

/** A session that `findBy` has found. */
export interface FoundSession {
  /** Its id; with `hashKeys`, the digest of it. */
  sid: string
  /** What a page may show in place of the id: see `handleOf`. */
  handle: string
  session: SessionData
  /** When it expires; `null`: never. */
  expiresAt: Date | null
}

/** Which sessions of a value `destroyBy` ends. */
export interface DestroyByOptions {
  /** The id of a session that is not ended, such as that of the request. */
  except?: string | undefined
  /** The handle, as of `findBy`, of the only session that is ended. */
  only?: string | undefined
}

/** @throws TypeError that names what is no option of `destroyBy`: what is misspelt would end them all */
export function checkDestroyBy(
  options: unknown,
): asserts options is DestroyByOptions | null | undefined {
  if (options === undefined || options === null) return
  if (!isObject(options)) throw badArgument('options', 'an object with except or only', options)
  for (const [name, value] of Object.entries(options)) {
    if (name !== 'except' && name !== 'only') {
      throw badArgument(`options.${name}`, 'except or only as the only options', value)
    }
    if (value !== undefined && typeof value !== 'string') {
      throw badArgument(`options.${name}`, 'a string', value)
    }
  }
}

/** Gives the sessions that have a value, what was used last first. */
export async function findSessions(
  owners: Owners,
  value: string,
  inTime: InTime,
): Promise<FoundSession[]> {
  const live = await readMembers(owners, value, inTime)
  return live
    .toSorted((a, b) => (a.expiresAt === b.expiresAt ? 0 : b.expiresAt - a.expiresAt))
    .map(({ entry: { sid }, session, expiresAt }) => ({
      sid,
      handle: owners.names.handleOf(sid),
      session,
      expiresAt: expiresAt === Infinity ? null : new Date(expiresAt),
    }))
}

/** Ends the sessions that have a value, until there are none. Gives how many it ended. */
export async function destroySessions(
  owners: Owners,
  value: string,
  { except, only }: DestroyByOptions,
  inTime: InTime,
): Promise<number> {
  const { names } = owners
  const spared = except === undefined ? [] : [names.of(except)]
  // What `findBy` gave is a name already.
  if (except !== undefined && names.isDigest(except)) spared.push(except)
  const isMeant = ({ entry: { sid } }: Member) =>
    !spared.includes(sid) && (only === undefined || names.handleOf(sid) === only)
  for (let count = 0; ; ) {
    const doomed = (await readMembers(owners, value, inTime)).filter(isMeant)
    if (doomed.length === 0) return count
    for (const some of chunks(doomed)) {
      const ended = await inTime(() =>
        Promise.all(some.map((member) => owners.members.destroy(member))),
      )
      count += ended.filter(Boolean).length
    }
  }
}

/** Gives the live ones, and removes the entries of those that are over. */
async function readMembers(
  owners: Owners,
  value: string,
  inTime: InTime,
): Promise<readonly Member[]> {
  const { live, over } = await owners.members.read(value, undefined, inTime)
  if (over.length > 0) await inTime(() => owners.index.remove(value, over))
  return live
}

const AT_ONCE = 100

function* chunks<T>(all: readonly T[]): Generator<readonly T[]> {
  for (let start = 0; start < all.length; start += AT_ONCE) yield all.slice(start, start + AT_ONCE)
}
