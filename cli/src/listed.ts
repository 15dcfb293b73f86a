import type { FoundSession } from 'connect-solidis'
import type { Context } from './context.ts'
import { sessionsOf } from './format.ts'
import { indexBy } from './store.ts'

/** Those of what the index lists under a value that have it by `--index`, too. */
export function ofValue(
  { options }: Context,
  value: string,
  listed: readonly FoundSession[],
): FoundSession[] {
  const valueIn = indexBy(options.index as string)
  return listed.filter(({ session }) => valueIn(session) === value)
}

/** What to say where none of them has it. */
export function otherIndex({ options }: Context, listed: number): string {
  return (
    `The index has ${sessionsOf(listed)} of this value, but by ${options.index} none has it: ` +
    "does --index say what the app's indexBy says?"
  )
}
