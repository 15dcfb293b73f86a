import { type FoundSession, handleOf } from 'connect-solidis'
import type { Context } from '../context.ts'
import { Failure } from '../errors.ts'
import { sessionsOf } from '../format.ts'
import { digestOf, hasHandle } from '../ids.ts'
import { ofValue, otherIndex } from '../listed.ts'
import { writeJson, writeLine } from '../output.ts'

export interface EndByOptions {
  /** The id of a session to leave alone. */
  readonly except?: string
  /** The handle of the one to end. */
  readonly only?: string
}

export async function endBy(
  context: Context,
  value: string,
  { except, only }: EndByOptions,
): Promise<void> {
  const { store, options, unreadable } = context
  const listed = await context.listedUnder(value)
  const { lacking } = unreadable
  unreadable.sayLeftOut()
  const found = ofValue(context, value, listed)
  // By another attribute, the store would take them out of the index.
  if (found.length === 0 && listed.length > 0) throw new Failure(otherIndex(context, listed.length))
  const ended =
    found.length === 0
      ? 0
      : await store.destroyBy(value, {
          ...(except === undefined ? {} : { except: sparedAmong(found, except) }),
          ...(only === undefined ? {} : { only: handleAmong(found, only) }),
        })
  if (options.json) await writeJson({ ended })
  else await writeLine(`${sessionsOf(ended)} ended`)
  const isAll = only !== undefined && ended > 0
  if (lacking > 0 && !isAll) throw new Failure('What could not be read was not ended.')
}

/** What stands in the key of the session with this id. */
function sparedAmong(found: readonly FoundSession[], id: string): string {
  const digest = digestOf(id)
  return found.some(({ sid }) => sid === digest) ? digest : id
}

/** What the store takes for the handle of a session, if there is one with this handle. */
function handleAmong(found: readonly FoundSession[], handle: string): string {
  const meant = found.find(({ sid }) => hasHandle(sid, handle))
  return meant === undefined ? handle : handleOf(meant.sid)
}
