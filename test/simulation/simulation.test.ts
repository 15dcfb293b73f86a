import { spawnSync } from 'node:child_process'
import { expect } from 'chai'
import { simulate } from './simulate.ts'
import { inVirtualTime } from './virtual-time.ts'

const SEEDS = Number(process.env.SIMULATE_SEEDS ?? 10_000)
const MS_PER_SEED = 30

describe('simulated worlds, in which everything goes wrong', () => {
  it(`keep what the store promises (${SEEDS} seeds)`, function () {
    this.timeout(10_000 + SEEDS * MS_PER_SEED)
    // In processes of their own: to count lines and to map sources would take most of the time.
    const { NODE_V8_COVERAGE: _, ...env } = process.env
    const args = ['scripts/simulate.js', '--seeds', String(SEEDS)]
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { env, encoding: 'utf8' })
    expect(status, stdout + stderr).to.equal(0)
    expect(stdout).to.include(`${SEEDS} of ${SEEDS} seeds, 0 failed`)
  })

  it('are the same for the same seed', async () => {
    for (const seed of [7, 1234, 99_999_999]) {
      const hash = async () => (await inVirtualTime(() => simulate(seed))).history.hash()
      expect(await hash()).to.equal(await hash())
    }
  })
})
