import { expect } from 'chai'
import { runSeeds } from './run.ts'
import { simulate } from './simulate.ts'
import { inVirtualTime } from './virtual-time.ts'

const SEEDS = Number(process.env.SIMULATE_SEEDS ?? 10_000)
const MS_PER_SEED = 20

describe('simulated worlds, in which everything goes wrong', () => {
  it(`keep what the store promises (${SEEDS} seeds)`, async function () {
    this.timeout(10_000 + SEEDS * MS_PER_SEED)
    const failed = await runSeeds(1, SEEDS)
    const [first] = failed
    if (first === undefined) return
    const seeds = failed.map(({ seed }) => seed)
    expect.fail(`${first.history}\n${first.violations}\nSeeds that fail: ${seeds}`)
  })

  it('are the same for the same seed', async () => {
    for (const seed of [7, 1234, 99_999_999]) {
      const hash = async () => (await inVirtualTime(() => simulate(seed))).history.hash()
      expect(await hash()).to.equal(await hash())
    }
  })
})
