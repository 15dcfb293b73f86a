import { expect } from 'chai'
import { type Counts, NOTHING_BROKEN, report } from './counts.ts'
import { RUNS } from './faults.ts'
import { run } from './run.ts'

/** So many at a time. */
const AT_ONCE = Number(process.env.FAULTS_AT_ONCE ?? 6)

/**
 * What holds even where calls get the replies of others, among which an acknowledgement may be: until
 * the first payload of another shows it, nobody can know.
 */
const { lost, revived, late, ...NO_CALL_BROKEN } = NOTHING_BROKEN

describe('under faults', function () {
  this.timeout(60_000)
  const runs: Promise<Counts>[] = []
  const results: [string, string, Counts][] = []

  /** Starts what comes next, too: what takes long is mostly to wait. */
  function resultOf(index: number): Promise<Counts> {
    for (let i = index; i < Math.min(index + AT_ONCE, RUNS.length); i++) {
      const [fault, kind] = RUNS[i] as (typeof RUNS)[number]
      runs[i] ??= run(fault, kind)
      runs[i]?.catch(() => {})
    }
    return runs[index] as Promise<Counts>
  }

  after(async () => {
    await Promise.allSettled(runs)
    report(results)
  })

  for (const [index, [fault, kind]] of RUNS.entries()) {
    it(`${fault.what}: ${kind.name} keeps all promises`, async () => {
      const counts = await resultOf(index)
      results.push([fault.what, kind.name, counts])
      if (fault.misleads) expect(counts.broken).to.include(NO_CALL_BROKEN)
      else expect(counts.broken).to.deep.equal(NOTHING_BROKEN)
      expect(counts.held).to.equal(0)
      expect(counts.openMedianMs ?? 0).to.be.lessThan(50)
      if (fault.isFinal || fault.mayStayDown?.includes(kind.name)) return
      expect(counts.backAfterMs).to.be.lessThan(10_000)
      expect(counts.stateAtEnd).to.equal('closed')
    })
  }
})
