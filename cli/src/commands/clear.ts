import { createInterface } from 'node:readline/promises'
import type { Context } from '../context.ts'
import { Failure, usage } from '../errors.ts'
import { printable, sessionsOf } from '../format.ts'
import { say, writeJson, writeLine } from '../output.ts'

export interface ClearOptions {
  /** Whether not to ask. */
  readonly yes: boolean
}

/** Refuses before anything is done. */
export function checkClear({ yes }: ClearOptions): void {
  if (yes || process.stdin.isTTY) return
  throw usage('clear asks before it ends all sessions, and there is no terminal: add --yes')
}

export async function clear(context: Context, { yes }: ClearOptions): Promise<void> {
  const { store, walk, options, signal } = context
  const counted = yes ? undefined : await walk('Counting', (options) => store.length(options))
  if (counted === 0) say('There are no sessions.')
  if (counted !== undefined && counted > 0) await confirm(context, counted)

  let ended = 0
  const finished = walk(
    'Ending',
    ({ signal, onProgress }) =>
      store.clear({
        signal,
        onProgress(progress) {
          ended = progress.done
          onProgress(progress)
        },
      }),
    counted,
  )
  await finished.catch((error) => {
    if (signal.aborted) say(`At least ${sessionsOf(ended)} had been ended.`)
    throw error
  })
  if (options.json) await writeJson({ ended })
  else await writeLine(`${sessionsOf(ended)} ended`)
}

async function confirm({ address, options, signal }: Context, count: number): Promise<void> {
  const { prefix } = options
  const where = prefix === '' ? 'all keys, as the prefix is empty,' : printable(prefix)
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  // In a terminal of its own mode, Ctrl+C is a key.
  terminal.once('SIGINT', () => process.emit('SIGINT'))
  try {
    const question = `End all ${sessionsOf(count)} (${where} at ${address})? [y/N] `
    const answer = await terminal.question(question, { signal })
    if (!/^y(es)?$/i.test(answer.trim())) throw new Failure('Nothing was ended.')
  } finally {
    terminal.close()
  }
}
