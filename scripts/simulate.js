// Runs simulated worlds (test/simulation), a million by default, on at most two cores:
//   npm run test:simulate -- --seeds 1000000 [--from 1] [--shift]
// and the world of one seed, whose history it prints as it happens: SEED=123 npm run test:simulate
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { writeSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { runSeeds } from '../.build/test/simulation/run.js'

const MAX_WORKERS = 2
/** So many seeds a worker takes at once. */
const SEEDS_AT_ONCE = 20
const PROGRESS_MS = 5000
/** No world takes a second; so long, only one takes that comes to no end. */
const STUCK_MS = 30_000
/** How much is shown of the history of a world that failed: its end. */
const MAX_LINES = 400
const MAX_BYTES = 2 ** 28

if (isMainThread) await main()
else await work(workerData)

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
  const onLine = (line) => writeSync(1, `${line}\n`)
  const onEnd = ({ violations }) => {
    console.log(violations.length === 0 ? 'All is well.' : violations.join('\n'))
    process.exitCode = violations.length === 0 ? 0 : 1
  }
  await runSeeds(seed, 1, { ...options, onLine, onEnd })
}

async function runAll(from, seeds, options) {
  const startedAt = Date.now()
  const failed = []
  /** The seed that comes next, for whichever worker is free. */
  const next = new BigInt64Array(new SharedArrayBuffer(8))
  next[0] = BigInt(from)
  const end = from + seeds
  let done = 0
  const fail = (seed, violation) => {
    failed.push(seed)
    console.log(`Seed ${seed}: ${violation}`)
  }
  const tell = () => {
    const seconds = Math.round((Date.now() - startedAt) / 1000)
    console.log(`${done} of ${seeds} seeds, ${failed.length} failed, ${seconds} s`)
  }
  const progress = setInterval(tell, PROGRESS_MS)
  /** Lets a worker run until all is done, or until one seed comes to no end: then another goes on. */
  const runWorker = async (rest = [0, 0]) => {
    const current = new Float64Array(new SharedArrayBuffer(16))
    current.set(rest)
    const worker = new Worker(new URL(import.meta.url), {
      workerData: { next, current, end, options },
    })
    let [lastSeed, lastSeedAt] = [-1, Date.now()]
    worker.on('message', ({ seed, violations }) => {
      if (violations.length > 0) fail(seed, violations[0])
      done++
    })
    const watch = setInterval(() => {
      if (current[0] !== lastSeed) [lastSeed, lastSeedAt] = [current[0], Date.now()]
      else if (Date.now() - lastSeedAt > STUCK_MS) worker.terminate()
    }, 1000)
    // What a worker throws ends all.
    const [code] = await once(worker, 'exit')
    clearInterval(watch)
    if (code === 0) return
    const [stuck, stop] = current
    fail(stuck, 'comes to no end')
    done++
    await runWorker([stuck + 1, stop])
  }
  const count = Math.min(availableParallelism(), MAX_WORKERS, Math.ceil(seeds / SEEDS_AT_ONCE))
  await Promise.all(Array.from({ length: count }, () => runWorker()))
  clearInterval(progress)
  tell()
  if (failed.length === 0) return
  const [first] = failed.sort((one, other) => one - other)
  show(first, options)
  const again = `SEED=${first} npm run test:simulate${options.shift ? ' -- --shift' : ''}`
  console.log(`Failed. To see the history of the first one again: ${again}`)
  process.exitCode = 1
}

/** Shows the end of a history, of one without end, too. */
function show(seed, { shift }) {
  const { stdout } = spawnSync(
    process.execPath,
    [fileURLToPath(import.meta.url), ...(shift ? ['--shift'] : [])],
    {
      env: { ...process.env, SEED: String(seed) },
      encoding: 'utf8',
      timeout: STUCK_MS,
      killSignal: 'SIGKILL',
      maxBuffer: MAX_BYTES,
    },
  )
  console.log(stdout.split('\n').slice(-MAX_LINES).join('\n'))
}

/**
 * Runs seeds until there are no more, and tells what became of each.
 * @param current which is under way, and before which those end that are taken; at first, those to
 * begin with
 */
async function work({ next, current, end, options }) {
  const onBegin = (seed) => {
    current[0] = seed
  }
  const onEnd = ({ seed, violations }) => parentPort.postMessage({ seed, violations })
  const run = (first, stop) => runSeeds(first, stop - first, { ...options, onBegin, onEnd })
  await run(current[0], current[1])
  for (;;) {
    const first = Number(Atomics.add(next, 0, BigInt(SEEDS_AT_ONCE)))
    if (first >= end) return parentPort.close()
    current[1] = Math.min(first + SEEDS_AT_ONCE, end)
    await run(first, current[1])
  }
}
