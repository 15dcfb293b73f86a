import type { Context } from '../context.ts'
import { Failure } from '../errors.ts'
import { findSid } from '../ids.ts'
import { writeJson, writeLine } from '../output.ts'

export async function end(context: Context, given: string): Promise<void> {
  const { store, options } = context
  const sid = await findSid(context, given)
  if (sid !== undefined) await store.destroy(sid)
  const ended = sid === undefined ? 0 : 1
  if (options.json) await writeJson({ ended })
  if (ended === 0) throw new Failure('No such session.')
  if (!options.json) await writeLine('1 session ended')
}
