// Runs calls at a concurrency, and turns them into samples of calls a second.
import { POOL } from './workloads.js'

/** The first calls are slow, so what they take is no measure for the next. */
const LEAST_GROWTH = 1.5
const MOST_GROWTH = 8
/** With this part of the time measured, another round is not worth it. */
const ENOUGH = 0.8

/**
 * One sample, in calls a second: rounds of calls until they have taken `sampleMs`, after others that
 * have taken `warmUpMs`. Only the calls themselves are timed.
 */
export async function sample(bench, workload, concurrency, { warmUpMs, sampleMs }) {
  const most = workload.callsARound ?? Infinity
  const round = async (count) => {
    await workload.prepare(bench, count)
    const ms = await run(bench, workload, count, concurrency)
    await workload.verify(bench, count)
    return { count, ms }
  }

  // Before the warm-up, because a collection makes the compiler forget what it knew.
  globalThis.gc()
  let last = await round(concurrency)
  let warmMs = last.ms
  while (warmMs < warmUpMs) {
    const wanted = (warmUpMs - warmMs) / last.ms
    const growth = Math.min(Math.max(wanted, LEAST_GROWTH), MOST_GROWTH)
    last = await round(Math.min(Math.ceil(last.count * growth), most))
    warmMs += last.ms
  }

  let calls = 0
  let ms = 0
  while (ms < sampleMs * ENOUGH) {
    const missing = Math.ceil((last.count / last.ms) * (sampleMs - ms))
    last = await round(Math.min(Math.max(missing, concurrency), most))
    ms += last.ms
    calls += last.count
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
