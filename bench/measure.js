// Runs calls at a concurrency, and turns them into samples of calls a second.
import { POOL } from './workloads.js'

const WARM_UP_PART = 0.2
/** The first calls are slow, so what they take is no measure for the next. */
const LEAST_GROWTH = 1.5
const MOST_GROWTH = 8

/**
 * One sample, in calls a second: rounds of calls until they have taken the target time, after a
 * warm-up from which the number of calls is reckoned. Only the calls themselves are timed.
 */
export async function sample(bench, workload, concurrency, targetMs) {
  const most = workload.callsARound ?? Infinity
  const round = async (count) => {
    await workload.prepare(bench, count)
    const ms = await run(bench, workload, count, concurrency)
    await workload.verify(bench, count)
    return ms
  }

  // Before the warm-up, because a collection makes the compiler forget what it knew.
  globalThis.gc()
  const warmUpMs = targetMs * WARM_UP_PART
  let warm = concurrency
  let warmMs = await round(warm)
  while (warmMs < warmUpMs && warm < most) {
    const growth = Math.min(Math.max(warmUpMs / warmMs, LEAST_GROWTH), MOST_GROWTH)
    warm = Math.min(Math.ceil(warm * growth), most)
    warmMs = await round(warm)
  }

  let calls = 0
  let ms = 0
  while (ms < targetMs * (1 - WARM_UP_PART)) {
    const missing = Math.ceil((warm / warmMs) * (targetMs - ms))
    const count = Math.min(Math.max(missing, concurrency), most)
    ms += await round(count)
    calls += count
  }
  return (calls / ms) * 1000
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
