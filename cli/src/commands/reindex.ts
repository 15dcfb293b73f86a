import type { Context } from '../context.ts'
import { sessionsOf } from '../format.ts'
import { writeJson, writeLine } from '../output.ts'

export async function reindex({ store, walk, options }: Context): Promise<void> {
  const indexed = await walk('Indexing', (options) => store.reindex(options))
  if (options.json) await writeJson({ indexed })
  else await writeLine(`${sessionsOf(indexed)} indexed`)
}
