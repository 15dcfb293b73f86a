import type { SessionData } from 'express-session'
import type { Owners } from '../owners/owners.ts'
import { expiresAt } from '../session/expiry.ts'
import { unlessAborted, type WalkOptions } from './options.ts'
import { keyPages, type Scope, sidOf } from './scan.ts'
import { type Load, sessionPages } from './walk.ts'

/** So many users are looked at at once. */
const AT_ONCE = 100

/** Lists every session under its owner. Gives how many have one. */
export async function reindexSessions(
  scope: Scope,
  owners: Owners,
  load: Load<[sid: string, session: SessionData]>,
  options: WalkOptions,
): Promise<number> {
  const loadListing: Load<Parameters<Owners['extend']>[0]> = async (sid, payload, pttl) => {
    const entry = await load(sid, payload, pttl)
    const value = entry === null ? undefined : owners.valueOfLoaded(entry[1])
    return { sid, value, expiresAt: expiresAt(Number(pttl)) }
  }
  let count = 0
  for await (const page of sessionPages(scope, loadListing, options)) {
    const listings = page.filter(({ value }) => value !== undefined)
    await inParts(scope, 'ZADD', listings, options, (listing) => owners.extend(listing, Infinity))
    count += listings.length
  }
  return count
}

/** Removes what the index has of sessions that are gone. */
export async function sweepIndex(scope: Scope, owners: Owners, options: WalkOptions) {
  const { prefix } = owners.index
  const { signal } = options
  for await (const keys of keyPages({ ...scope, prefix }, { signal })) {
    const values = keys.map((key) => sidOf(key, prefix))
    await inParts(scope, 'ZREM', values, options, async (value) => {
      const { over } = await owners.members.read(value)
      await owners.index.remove(value, over)
    })
  }
}

async function inParts<T>(
  { calls }: Scope,
  command: string,
  all: readonly T[],
  { signal }: WalkOptions,
  work: (each: T) => Promise<unknown>,
): Promise<void> {
  for (let start = 0; start < all.length; start += AT_ONCE) {
    const some = all.slice(start, start + AT_ONCE)
    const works = () => calls.stepOf(command, () => Promise.all(some.map(work)))
    await unlessAborted(signal, works)
  }
}
