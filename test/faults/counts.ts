/** What came of a load while something went wrong. */
export class Counts {
  calls = 0
  /** By code. */
  readonly failed: Record<string, number> = {}
  settled = 0
  settledTwice = 0
  /** Calls that took longer than they may. */
  overdue = 0
  /** Sessions that were given to others. */
  foreign = 0
  /** What was acknowledged, and is not there. */
  lost = 0
  /** Sessions that were destroyed, and are there. */
  revived = 0
  /** What was told to have failed, and was applied over what came after it. */
  late = 0
  /** How long the first success took after the fault was over; `undefined`: there was none. */
  backAfterMs: number | undefined
  slowestMs = 0
  /** What calls took that began while the breaker was open. */
  readonly openMs: number[] = []
  /** What the store still holds of callers who have been told. */
  held = 0
  stateAtEnd = ''

  get unsettled(): number {
    return this.calls - this.settled
  }

  get openMedianMs(): number | undefined {
    return this.openMs.sort((a, b) => a - b)[this.openMs.length >> 1]
  }

  fail(code: string): void {
    this.failed[code] = (this.failed[code] ?? 0) + 1
  }

  /** All that must be zero. */
  get broken() {
    const { unsettled, settledTwice, overdue, foreign, lost, revived, late } = this
    return { unsettled, settledTwice, overdue, foreign, lost, revived, late }
  }
}

/** What is broken if nothing is. */
export const NOTHING_BROKEN = new Counts().broken

/** Prints results as a table, if FAULTS_REPORT is set. */
export function report(results: [what: string, client: string, counts: Counts][]): void {
  if (!process.env.FAULTS_REPORT) return
  const rows = results.map(([what, client, counts]) => ({
    what,
    client,
    calls: counts.calls,
    ...counts.broken,
    'back ms': round(counts.backAfterMs),
    'open ms': round(counts.openMedianMs),
    'slowest ms': round(counts.slowestMs),
    held: counts.held,
    failed: Object.entries(counts.failed)
      .map(([code, count]) => `${code} ${count}`)
      .join(', '),
  }))
  console.table(rows)
}

function round(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.round(ms * 100) / 100
}
