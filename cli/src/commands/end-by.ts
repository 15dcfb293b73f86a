import { type Context, requireIndex } from '../context.ts'
import { sessionsOf } from '../format.ts'
import { writeJson, writeLine } from '../output.ts'

export interface EndByOptions {
  /** The id of a session to leave alone. */
  readonly except?: string
  /** The handle of the one to end. */
  readonly only?: string
}

export async function endBy(
  { store, options }: Context,
  value: string,
  which: EndByOptions,
): Promise<void> {
  requireIndex(options, 'end-by')
  const ended = await store.destroyBy(value, which)
  if (options.json) await writeJson({ ended })
  else await writeLine(`${sessionsOf(ended)} ended`)
}
