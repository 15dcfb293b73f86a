import { type Options, type Outcome, simulate } from './simulate.ts'
import { inVirtualTime } from './virtual-time.ts'

/** Runs the worlds of so many seeds. Gives those in which something was not as it should be. */
export function runSeeds(first: number, count: number, options: Options = {}): Promise<Outcome[]> {
  return inVirtualTime(async () => {
    const failed: Outcome[] = []
    for (let seed = first; seed < first + count; seed++) {
      const outcome = await simulate(seed, options)
      if (outcome.violations.length > 0) failed.push(outcome)
    }
    return failed
  })
}
