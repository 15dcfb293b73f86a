import { type Options, type Outcome, simulate } from './simulate.ts'
import { inVirtualTime } from './virtual-time.ts'

export interface RunOptions extends Options {
  /** Whether to give what went well, too. */
  readonly isKept?: boolean
}

/** Runs the worlds of so many seeds. Gives those in which something was not as it should be. */
export function runSeeds(
  first: number,
  count: number,
  options: RunOptions = {},
): Promise<Outcome[]> {
  return inVirtualTime(async () => {
    const kept: Outcome[] = []
    for (let seed = first; seed < first + count; seed++) {
      const outcome = await simulate(seed, options)
      if (outcome.violations.length > 0 || options.isKept) kept.push(outcome)
    }
    return kept
  })
}
