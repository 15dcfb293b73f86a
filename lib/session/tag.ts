import { randomBytes } from 'node:crypto'

/** The attribute of a payload that says whose it is. The app never sees it. */
export const TAG = '$solidis'

const WRITER = randomBytes(6).toString('base64url')
let writes = 0

/**
 * Whose a payload is, as a short digest of the session id, and by which write. So the same change,
 * made twice, is never taken for one: of two processes that count up, one has to count again.
 * @param createdAt milliseconds since the epoch, if that is to be known later
 */
export function newTag(sid: string, createdAt?: number): string {
  const tag = `${digestOf(sid)}.${uniqueId()}`
  return createdAt === undefined ? tag : `${tag}.${createdAt.toString(36)}`
}

/** When a session was created, in milliseconds since the epoch, if its tag says so. */
export function createdAtIn(tag: string): number | undefined {
  const end = tag.indexOf('.', tag.indexOf('.') + 1)
  if (end === -1) return undefined
  const createdAt = Number.parseInt(tag.slice(end + 1), 36)
  return Number.isSafeInteger(createdAt) ? createdAt : undefined
}

/** What nothing else has, of whatever process; not to be kept secret. */
export function uniqueId(): string {
  writes++
  return WRITER + writes.toString(36)
}

/** Whether a tag is of the session with this id. */
export function isTagOf(sid: string, tag: unknown): tag is string {
  return typeof tag === 'string' && tag.startsWith(`${digestOf(sid)}.`)
}

/** FNV-1a, by two hashes of 32 bits: not a secret, only enough to tell ids apart. */
function digestOf(sid: string): string {
  let one = 0x811c9dc5
  let two = 0x41c6ce57
  for (let i = 0; i < sid.length; i++) {
    const unit = sid.charCodeAt(i)
    one = Math.imul(one ^ unit, 0x01000193)
    two = Math.imul(two ^ unit, 0x5bd1e995)
  }
  return (one >>> 0).toString(36) + (two >>> 0).toString(36)
}
