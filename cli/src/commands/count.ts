import type { Context } from '../context.ts'
import { sessionsOf } from '../format.ts'
import { writeJson, writeLine } from '../output.ts'

export async function count({ store, walk, options }: Context): Promise<void> {
  const count = await walk('Counting', (options) => store.length(options))
  if (options.json) await writeJson({ count })
  else await writeLine(process.stdout.isTTY ? sessionsOf(count) : String(count))
}
