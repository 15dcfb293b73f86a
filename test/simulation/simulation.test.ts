import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { expect } from 'chai'

const SEEDS = Number(process.env.SIMULATE_SEEDS ?? 10_000)
const MS_PER_SEED = 30

describe('simulated worlds, in which everything goes wrong', () => {
  for (const args of [[], ['--shift']]) {
    const seeds = args.length === 0 ? SEEDS : Math.ceil(SEEDS / 10)
    it(`keep what the store promises (${[`${seeds} seeds`, ...args].join(', ')})`, async function () {
      this.timeout(60_000 + seeds * MS_PER_SEED)
      // In processes of their own: to count lines and to map sources would take most of the time.
      const { NODE_V8_COVERAGE: _, SEED: __, ...env } = process.env
      const child = spawn(
        process.execPath,
        ['scripts/simulate.js', '--seeds', String(seeds), ...args],
        { env, stdio: ['ignore', 'pipe', 'inherit'] },
      )
      child.stdout.on('data', (chunk) => process.stdout.write(chunk))
      const [output, [status]] = await Promise.all([text(child.stdout), once(child, 'exit')])
      expect(status, output).to.equal(0)
      expect(output).to.include(`${seeds} of ${seeds} seeds, 0 failed`)
    })
  }

  it('are the same for the same seed', async function () {
    this.timeout(60_000)
    for (const seed of ['7', '1234', '99999999']) {
      const history = () => {
        const options = { env: { ...process.env, SEED: seed }, stdio: 'pipe' } as const
        return text(spawn(process.execPath, ['scripts/simulate.js'], options).stdout)
      }
      const [first, second] = await Promise.all([history(), history()])
      expect(first).to.match(/All is well\.\n$/)
      expect(second).to.equal(first)
    }
  })
})
