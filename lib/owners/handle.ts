import { createHash } from 'node:crypto'

const LENGTH = 22

/** What a page may show in place of a session id, which nobody makes the id of again. */
export function handleOf(sid: string): string {
  return createHash('sha256').update(sid).digest('base64url').slice(0, LENGTH)
}
