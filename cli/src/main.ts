#!/usr/bin/env node
import { constants } from 'node:os'
import { CommanderError } from 'commander'
import { FAILED, Failure, OK, reasonOf, USAGE } from './errors.ts'
import { protectIds } from './ids.ts'
import { say } from './output.ts'
import { createProgram, takesValue } from './program.ts'

/** How long what is interrupted may take to end well. */
const GRACE_MS = 1000

const interruption = new AbortController()

/** As shells give it for what a signal has ended. */
function exitCodeOf(signal: 'SIGINT' | 'SIGTERM'): number {
  return 128 + constants.signals[signal]
}

for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.on(name, () => {
    if (interruption.signal.aborted) process.exit(exitCodeOf(name))
    interruption.abort(new Failure('Interrupted.', exitCodeOf(name)))
  })
}
// What the store warns of, the commands say in their own words.
const warn = process.listeners('warning')
process.removeAllListeners('warning').on('warning', (warning: NodeJS.ErrnoException) => {
  if (!warning.code?.startsWith('CONNECT_SOLIDIS_')) for (const each of warn) each(warning)
})
// Who reads the output may have seen enough, such as `head`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? OK : FAILED)
})

process.exitCode = await run(process.argv.slice(2))
// A client that has lost its server may have something to wait for, but nobody waits for it.
process.exit()

async function run(args: string[]): Promise<number> {
  const program = createProgram(interruption.signal)
  const work = program.parseAsync(protectIds(args, takesValue(program)), { from: 'user' })
  try {
    await Promise.race([work, interrupted()])
    return OK
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? OK : USAGE
    const { signal } = interruption
    const told = signal.aborted ? signal.reason : error
    say(reasonOf(told))
    return told instanceof Failure ? told.exitCode : FAILED
  }

  function interrupted(): Promise<never> {
    return new Promise((_, reject) => {
      interruption.signal.addEventListener('abort', () => {
        setTimeout(reject, GRACE_MS, interruption.signal.reason)
      })
    })
  }
}
