// What is measured, how often, and for how long.
import { HOT_CLIENTS } from './workloads.js'

const FULL = {
  repeats: 3,
  warmUpMs: 700,
  sampleMs: 400,
  concurrencies: [1, 16, 128, 1024],
  payloads: [300, 1024, 10_240],
  usualConcurrency: 128,
  usualPayload: 1024,
  pages: 200,
  httpMs: 2000,
  httpWarmUps: 1,
  httpConnections: 64,
  bigSizes: [
    { sessions: 100_000, repeats: 3 },
    { sessions: 1_000_000, repeats: 1, oursOnce: true },
  ],
}

const QUICK = {
  ...FULL,
  repeats: 1,
  warmUpMs: 6,
  sampleMs: 24,
  concurrencies: [1, 128],
  payloads: [1024],
  pages: 20,
  httpMs: 300,
  httpWarmUps: 0,
  bigSizes: [{ sessions: 2000, repeats: 1, oursOnce: true }],
}

/** Measured in everything; the others only across concurrency, and across payload, apart. */
const MAIN_STORES = ['connect-solidis', 'connect-redis', 'raw']

/** The plan of a run, narrowed down by what the command line says. */
export function makePlan({ quick, repeats, concurrencies, payloads }) {
  const plan = { ...(quick ? QUICK : FULL), quick }
  if (concurrencies) Object.assign(plan, { concurrencies, usualConcurrency: concurrencies[0] })
  if (payloads) Object.assign(plan, { payloads, usualPayload: payloads[0] })
  return { ...plan, repeats: repeats ?? plan.repeats }
}

/** The cells of the micro benchmarks: which stores meet which workload, how. */
export function microCells(plan, isWanted, storeNames) {
  const cells = []
  const add = (workload, concurrency, payload) => {
    const stores = storeNames.filter((name) =>
      isMeasured(plan, name, workload, concurrency, payload),
    )
    if (isWanted(workload)) cells.push({ workload, concurrency, payload, stores })
  }
  for (const payload of plan.payloads) {
    for (const concurrency of plan.concurrencies) {
      for (const workload of ['get', 'reading', 'writing', 'login', 'logout']) {
        add(workload, concurrency, payload)
      }
    }
    add('hot', HOT_CLIENTS, payload)
  }
  return cells
}

function isMeasured(plan, store, workload, concurrency, payload) {
  // Sending the same again does not make sense where others change it meanwhile.
  if (workload === 'hot') return !store.startsWith('raw')
  if (MAIN_STORES.includes(store)) return true
  const usualPayload = payload === plan.usualPayload
  const usualConcurrency = concurrency === plan.usualConcurrency
  if (workload === 'login' || workload === 'logout') return usualPayload && usualConcurrency
  return usualPayload || usualConcurrency
}
