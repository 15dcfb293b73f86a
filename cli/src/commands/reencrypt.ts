import type { Context } from '../context.ts'
import { Failure } from '../errors.ts'
import { sessionsOf } from '../format.ts'
import { say, writeJson, writeLine } from '../output.ts'

export async function reencrypt(context: Context): Promise<void> {
  const { store, walk, options, signal, unreadable } = context
  const work = walk('Encrypting', (options) => store.reencrypt(options))
  const encrypted = await work.catch((error) => {
    if (signal.aborted) say('What had been encrypted stays so. Run it again for the rest.')
    throw error
  })
  unreadable.sayLeftOut()
  if (options.json) await writeJson({ encrypted, unreadable: unreadable.total })
  else await writeLine(`${sessionsOf(encrypted)} encrypted`)
  if (unreadable.lacking > 0) throw new Failure('What could not be read is as it was.')
}
