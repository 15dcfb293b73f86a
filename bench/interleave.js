// In each repeat all stores meet the same workload one after the other, in an order that rotates, so
// that what the machine does meanwhile hits all of them alike.
import { sample } from './measure.js'
import { attributesOf, textOf } from './sessions.js'
import { ratio, summary } from './stats.js'
import { MemoryStorage, RedisStorage } from './storage.js'
import { BASELINE } from './stores.js'
import { WORKLOADS } from './workloads.js'

/** What filling and checking take beside the calls. */
const OVERHEAD = 1.2
const OVERHEAD_MS = 15

/** How long `measureCells` will take. */
export function estimateMs(cells, plan) {
  const samples = cells.reduce((sum, { stores }) => sum + stores.length, 0) * plan.repeats
  return samples * stepMs(plan)
}

/**
 * Measures each cell, `{ workload, concurrency, payload, stores }`, with each of its stores.
 * @param stores what `STORES` is made of; cells name them
 * @param baseline the name of the store that ratios are relative to
 */
export async function measureCells(
  cells,
  stores,
  { url, prefix, plan, progress, workloads = WORKLOADS, baseline = BASELINE },
) {
  const opened = new Map()
  const results = cells.flatMap(({ stores, ...cell }) =>
    stores.map((store) => ({ ...cell, store, values: [], lost: [] })),
  )
  try {
    for (const store of stores) opened.set(store.name, await openStore(store, url, prefix))
    for (let repeat = 0; repeat < plan.repeats; repeat++) {
      for (const cell of cells) {
        for (const name of rotate(cell.stores, repeat)) {
          const result = results.find((r) => isOf(r, cell) && r.store === name)
          progress.step(stepMs(plan), describe(cell, name, repeat))
          const { rate, lost } = await measure(opened.get(name), workloads, cell, plan)
          result.values.push(rate)
          if (lost !== undefined) result.lost.push(lost)
        }
      }
    }
  } finally {
    for (const { close } of opened.values()) await close()
  }
  return results.map((result) => summarize(result, results, baseline))
}

/** Opens a store, and its storage for what the benchmark itself has to do there. */
export async function openStore(description, url, prefix) {
  const storePrefix = `${prefix}${description.name}:`
  const opened = await description.open(url, storePrefix)
  const storage =
    description.name === 'memory'
      ? new MemoryStorage(opened.store)
      : await RedisStorage.connect(url, storePrefix)
  const close = async () => {
    await storage.close()
    opened.close()
  }
  return { ...opened, storage, close }
}

export function rotate(list, by) {
  const at = by % list.length
  return [...list.slice(at), ...list.slice(0, at)]
}

async function measure(opened, workloads, { workload: name, concurrency, payload }, plan) {
  const workload = workloads[name]
  const attributes = attributesOf(payload)
  const bench = { ...opened, payload, attributes, text: textOf(attributes) }
  bench.replays = opened.record !== undefined
  bench.call = bench.replays
    ? await opened.record(bench, workload)
    : (slot, done) => workload.call(bench, slot, done)
  const rate = await sample(bench, workload, concurrency, plan)
  return { rate, lost: bench.lost }
}

function summarize({ values, lost, ...result }, all, baseline) {
  const base = all.find((other) => isOf(other, result) && other.store === baseline)
  return {
    ...result,
    ...summary(values),
    ...(base ? { ratio: ratio(values, base.values) } : {}),
    ...(lost.length > 0 ? { lost: summary(lost).median } : {}),
  }
}

function isOf(a, b) {
  return a.workload === b.workload && a.concurrency === b.concurrency && a.payload === b.payload
}

function describe({ workload, payload, concurrency }, store, repeat) {
  return `repeat ${repeat + 1}: ${workload}, ${payload} B, ${concurrency} at once, ${store}`
}

function stepMs({ warmUpMs, sampleMs }) {
  return (warmUpMs + sampleMs) * OVERHEAD + OVERHEAD_MS
}
