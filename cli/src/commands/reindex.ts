import type { Context } from '../context.ts'
import { Failure } from '../errors.ts'
import { sessionsOf } from '../format.ts'
import { writeJson, writeLine } from '../output.ts'

export async function reindex({ store, walk, options, unreadable }: Context): Promise<void> {
  let visited = 0
  const indexed = await walk('Indexing', ({ signal, onProgress }) =>
    store.reindex({
      signal,
      onProgress(progress) {
        visited = progress.done
        onProgress(progress)
      },
    }),
  )
  unreadable.sayLeftOut()
  if (options.json) await writeJson({ indexed })
  else await writeLine(`${sessionsOf(indexed)} indexed`)
  const read = visited - unreadable.total
  if (indexed === 0 && read > 0) {
    throw new Failure(
      `Of ${sessionsOf(read)} none has ${options.index}: does --index say what the app's indexBy says?`,
    )
  }
  if (unreadable.lacking > 0) throw new Failure('What could not be read was not indexed.')
}
