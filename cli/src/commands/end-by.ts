import type { Context } from '../context.ts'
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
  { except, only }: EndByOptions,
): Promise<void> {
  const ended = await store.destroyBy(value, {
    ...(except === undefined ? {} : { except }),
    ...(only === undefined ? {} : { only }),
  })
  if (options.json) await writeJson({ ended })
  else await writeLine(`${sessionsOf(ended)} ended`)
}
