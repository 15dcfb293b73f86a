// Runs simulated worlds (test/simulation), a million by default, on at most two cores:
//   npm run test:simulate -- --seeds 1000000 [--from 1] [--shift]
// and the world of one seed, whose history it prints: SEED=123 npm run test:simulate
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { runSeeds } from '../.build/test/simulation/run.js'

const SEEDS_PER_ROUND = 1000
const MAX_WORKERS = 2

if (isMainThread) await main()
else {
  parentPort.on('message', async (first) => {
    const failed = await runSeeds(first, workerData.seeds, workerData.options)
    parentPort.postMessage(failed.map(({ seed, violations }) => ({ seed, violations })))
  })
}

async function main() {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '1000000' },
      from: { type: 'string', default: '1' },
      shift: { type: 'boolean', default: false },
    },
  })
  const options = { shift: values.shift }
  if (process.env.SEED !== undefined) await replay(Number(process.env.SEED), options)
  else await runAll(Number(values.from), Number(values.seeds), options)
}

async function replay(seed, options) {
  const [{ history, violations } = {}] = await runSeeds(seed, 1, { ...options, isKept: true })
  console.log(String(history))
  console.log(violations.length === 0 ? 'All is well.' : violations.join('\n'))
  process.exitCode = violations.length === 0 ? 0 : 1
}

async function runAll(from, seeds, options) {
  const startedAt = Date.now()
  const failed = []
  let [next, done] = [from, 0]
  const workers = Math.min(availableParallelism(), MAX_WORKERS)
  await Promise.all(
    Array.from({ length: workers }, async () => {
      const worker = new Worker(new URL(import.meta.url), {
        workerData: { seeds: SEEDS_PER_ROUND, options },
      })
      // What a worker throws ends all.
      const round = async (first) => {
        worker.postMessage(first)
        const [failed] = await once(worker, 'message')
        return failed
      }
      while (next < from + seeds) {
        const first = next
        next += SEEDS_PER_ROUND
        for (const { seed, violations } of await round(first)) {
          failed.push(seed)
          console.log(`Seed ${seed}: ${violations[0]}`)
        }
        done += SEEDS_PER_ROUND
        if (done % 20_000 === 0 || next >= from + seeds) {
          const seconds = Math.round((Date.now() - startedAt) / 1000)
          console.log(`${done} of ${seeds} seeds, ${failed.length} failed, ${seconds} s`)
        }
      }
      await worker.terminate()
    }),
  )
  if (failed.length === 0) return
  console.log(`Failed. To see the history of one: SEED=${failed[0]} npm run test:simulate`)
  process.exitCode = 1
}
