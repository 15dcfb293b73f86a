// Runs calls at a concurrency, and turns them into samples of calls a second.
import { POOL } from './workloads.js'

/** The first calls are slow, so what they take is no measure for many more. */
const MOST_GROWTH = 8
/** With this part of the time over, another round is not worth it. */
const ENOUGH = 0.8

/**
 * One sample, in calls a second: rounds of calls that take about `sampleMs`, after others that take
 * about `warmUpMs`. Only the calls themselves are timed.
 */
export async function sample(bench, workload, concurrency, { warmUpMs, sampleMs }) {
  let last
  const round = async (count) => {
    await workload.prepare(bench, count)
    last = { count, ms: await run(bench, workload, count, concurrency) }
    await workload.verify(bench, count)
  }
  const rounds = async (targetMs) => {
    let calls = 0
    let ms = 0
    while (ms < targetMs * ENOUGH) {
      const growth = Math.min((targetMs - ms) / last.ms, MOST_GROWTH)
      const count = Math.max(Math.ceil(last.count * growth), concurrency)
      await round(Math.min(count, workload.callsARound ?? Infinity))
      calls += last.count
      ms += last.ms
    }
    return (calls / ms) * 1000
  }

  // Before the warm-up, because a collection makes the compiler forget what it knew.
  globalThis.gc()
  await round(concurrency)
  await rounds(warmUpMs)
  return rounds(sampleMs)
}

/** Makes `count` calls, `concurrency` at a time; resolves to the milliseconds they took. */
function run(bench, workload, count, concurrency) {
  const laps = Math.floor(POOL / concurrency)
  return new Promise((resolve, reject) => {
    const workers = Math.min(concurrency, count)
    let started = 0
    let running = workers
    const begin = performance.now()
    const startWorker = (worker) => {
      let lap = 0
      const next = (error) => {
        if (error) return reject(error)
        if (started === count) {
          if (--running === 0) resolve(performance.now() - begin)
          return
        }
        const index = started++
        // A worker has sessions of its own, so that no two calls meet in one by chance.
        const slot = workload.callsARound ? index : worker + concurrency * (lap++ % laps)
        bench.call(slot, next)
      }
      next()
    }
    for (let worker = 0; worker < workers; worker++) startWorker(worker)
  })
}
