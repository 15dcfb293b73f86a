import type { Context } from '../context.ts'
import { Failure } from '../errors.ts'
import { bytesOf, expiryOf, isoOf, printable } from '../format.ts'
import { findSid, handleOf } from '../ids.ts'
import { type Cell, writeJson, writeLine, writeTable } from '../output.ts'
import { expiriesOf } from '../redis.ts'

export interface ShowOptions {
  /** Whether to show what the session contains. */
  readonly payload: boolean
  /** Whether to show the whole id. */
  readonly sids: boolean
}

export async function show(
  context: Context,
  given: string,
  { payload, sids }: ShowOptions,
): Promise<void> {
  const { store, options, unreadable } = context
  const sid = await findSid(context, given)
  const session = sid === undefined ? null : await store.get(sid)
  if (sid === undefined || session === null) {
    if (options.json) await writeJson(null)
    throw new Failure(unreadable.total > 0 ? unreadable.whyNot() : 'No such session.')
  }
  const [expiresAt] = await expiriesOf(store, [sid])
  const attributes = Object.entries(session).map(([name, value]) => ({
    name,
    bytes: sizeOf(value),
  }))
  const summary = { handle: handleOf(sid), ...(sids ? { sid } : {}), expiresAt }
  const bytes = sizeOf(session)
  if (options.json) {
    return writeJson({ ...summary, bytes, attributes, ...(payload ? { session } : {}) })
  }
  const rows: Cell[][] = [
    ['handle', summary.handle],
    ...(sids ? [['session id', sid]] : []),
    ['expires', process.stdout.isTTY ? expiryOf(expiresAt) : isoOf(expiresAt)],
    ['size', bytesOf(bytes)],
  ]
  await writeTable([{ title: 'session' }, { title: '' }], rows)
  await writeTable(
    [{ title: 'attribute' }, { title: 'size', isNumber: true }],
    attributes.map(({ name, bytes }) => [name, bytesOf(bytes)]),
  )
  if (payload) {
    const lines = JSON.stringify(session, null, 2).split('\n')
    for (const line of lines) await writeLine(printable(line))
  }
}

/** What it takes as JSON, in UTF-8. */
function sizeOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value) ?? '')
}
