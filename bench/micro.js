// Calls to the stores themselves. In each repeat all stores meet the same workload one after the
// other, in an order that rotates, so that what the machine does meanwhile hits all of them alike.
import { sample } from './measure.js'
import { attributesOf, textOf } from './sessions.js'
import { ratio, summary } from './stats.js'
import { MemoryStorage, RedisStorage } from './storage.js'
import { BASELINE } from './stores.js'
import { HOT_CLIENTS, WORKLOADS } from './workloads.js'

/**
 * @param cells `{ workload, concurrency, payload, stores }`, `stores` by name
 * @param stores what `stores.js` gives
 * @param baseline the name of the store that ratios are relative to
 */
export async function measureMicro(
  cells,
  stores,
  { url, prefix, repeats, targetMs, progress, baseline = BASELINE },
) {
  const opened = new Map()
  for (const store of stores) opened.set(store.name, await openStore(store, url, prefix))
  const results = cells.flatMap(({ stores, ...cell }) =>
    stores.map((store) => ({ ...cell, store, values: [], lost: [] })),
  )
  try {
    for (let repeat = 0; repeat < repeats; repeat++) {
      for (const cell of cells) {
        for (const name of rotate(cell.stores, repeat)) {
          const result = results.find((r) => isOf(r, cell) && r.store === name)
          progress.step(`${cell.workload}, ${cell.payload} B, ${cell.concurrency} at once: ${name}`)
          const { rate, lost } = await measure(opened.get(name), cell, targetMs)
          result.values.push(rate)
          if (lost !== undefined) result.lost.push(lost)
        }
      }
    }
  } finally {
    for (const { close } of opened.values()) close()
  }
  return results.map((result) => summarize(result, results, baseline))
}

async function openStore(description, url, prefix) {
  const storePrefix = `${prefix}${description.name}:`
  const opened = await description.open(url, storePrefix)
  const storage =
    description.name === 'memory'
      ? new MemoryStorage(opened.store)
      : await RedisStorage.connect(url, storePrefix)
  const close = () => {
    storage.close()
    opened.close()
  }
  return { ...opened, storage, close }
}

async function measure(opened, { workload: name, concurrency, payload }, targetMs) {
  const workload = WORKLOADS[name]
  const attributes = attributesOf(payload)
  const bench = { ...opened, payload, attributes, text: textOf(attributes) }
  bench.replays = opened.record !== undefined
  bench.call = bench.replays
    ? await opened.record(bench, workload)
    : (_workload, slot, done) => workload.call(bench, slot, done)
  const rate = await sample(bench, workload, concurrency, targetMs)
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

function rotate(list, by) {
  const at = by % list.length
  return [...list.slice(at), ...list.slice(0, at)]
}
