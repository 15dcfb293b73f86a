import { type Options, type Outcome, simulate } from './simulate.ts'
import { inVirtualTime } from './virtual-time.ts'

export interface RunOptions extends Options {
  /** Is told which seed comes next. */
  readonly onBegin?: (seed: number) => void
  /** Is told what became of it. */
  readonly onEnd: (outcome: Outcome) => void
}

/** Runs the worlds of so many seeds, one after another. */
export function runSeeds(first: number, count: number, options: RunOptions): Promise<void> {
  const { onBegin, onEnd } = options
  return inVirtualTime(async () => {
    for (let seed = first; seed < first + count; seed++) {
      onBegin?.(seed)
      onEnd(await simulate(seed, options))
    }
  })
}
