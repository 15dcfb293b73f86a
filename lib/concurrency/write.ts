import type { SessionData } from 'express-session'
import type { Call } from '../redis/call.ts'
import { KEEP } from '../redis/commands.ts'
import type { CookieData } from '../session/cookie.ts'
import type { Payload } from '../session/payload.ts'
import type { Expiry, Lives } from './lives.ts'
import type { Merge } from './merge.ts'
import { type Form, type Snapshot, snapshotOf } from './snapshot.ts'

/** What became of a session that was to be written. */
export type WriteOutcome = 'written' | 'gone'

/** A session that is to be written. */
export interface Write {
  readonly owner: object
  readonly sid: string
  readonly key: string
  /** The object whose snapshot it is compared with, and which has one afterwards. */
  readonly session: SessionData
  readonly payload: Payload | Promise<Payload>
  /** The cookie as it stands in the payload. */
  readonly cookie: CookieData
  readonly expiry: Expiry
  /** When the session was created, as it stands in the payload. */
  readonly createdAt: number | undefined
  /** Whose the session is in the payload; `undefined`: nobody's, or that is not asked. */
  readonly value: string | undefined
  /** Decides what to write where Redis holds something else. */
  readonly merge: Merge
  /** Whether that may refuse for what Redis holds, and not for a write that may fail itself. */
  readonly isAlone?: boolean
  /** Whether it was made for a request, and is not known from Redis. */
  readonly isNewOfRequest?: boolean
  /** Says when sessions expire. */
  readonly lives: Lives
  /** On whose behalf; once that is over, nothing is written. */
  readonly call: Pick<Call<unknown>, 'isOver' | 'whenExpired' | 'deadline' | 'trace'>
  readonly done: (error: Error | null, outcome?: WriteOutcome) => void
}

/** The snapshot of what a write is about; none, if it is new. */
export function snapshotOfWrite({ session, owner, sid }: Write): Snapshot | undefined {
  return snapshotOf(session, owner, sid)
}

/** Whether a write may be merged with others of its session. */
export function isMergeable(write: Write): boolean {
  return snapshotOfWrite(write)?.forms.length === 1 && !write.isAlone
}

/**
 * So many failed writes of one object are remembered, and what was there before them, which there still
 * is after an outage; what is forgotten is merged like another's.
 */
const MAX_FORMS = 8

/**
 * Until there is an answer, an object may be what it was, or what is being written.
 * @returns what to do when it is known to be written, or not to be
 */
export function beginWrite(write: Write, snapshot: Snapshot, form: Form) {
  const before = snapshot.forms
  const valueBefore = snapshot.value
  // Else who has it back after a write without an answer would be taken to be listed still.
  if (write.value !== valueBefore) snapshot.value = undefined
  const kept = before.length > MAX_FORMS ? [before[0] as Form, ...before.slice(2)] : before
  snapshot.forms = [...kept, form]
  return (isWritten: boolean): void => {
    // Then others may have been written since.
    if (write.call.isOver) return
    snapshot.forms = isWritten ? [form] : before
    if (!isWritten) {
      snapshot.value = valueBefore
      return
    }
    snapshot.cookie = write.cookie
    snapshot.value = write.value
    snapshot.createdAt = write.createdAt
    // A longer life that others have given it is not known to who has this object.
    if (write.expiry !== KEEP) snapshot.expiresAt = write.expiry
  }
}
