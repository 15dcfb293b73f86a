// A page load: one document, then 20 API calls at once, each a reading request of one session. The
// visitor was last seen longer ago than `touchAfter`.
import { performance } from 'node:perf_hooks'
import { createClient } from 'redis'
import { openStore, rotate } from './interleave.js'
import { attributesOf, textOf } from './sessions.js'
import { summary } from './stats.js'
import { BASELINE, openOurs, storeNamed } from './stores.js'
import { WORKLOADS } from './workloads.js'

const API_CALLS = 20
const STEP_MS = 600

const VARIANTS = [
  variant('touch-after-0', 'connect-solidis, `touchAfter: 0`', { touchAfter: 0 }),
  variant('touch-after-60', 'connect-solidis, `touchAfter: 60`', { touchAfter: 60 }),
  storeNamed(BASELINE),
]

export const page = {
  variants: VARIANTS.map(({ name, label }) => ({ name, label })),
  estimateMs({ plan, isWanted }) {
    return isWanted('page') ? VARIANTS.length * plan.repeats * STEP_MS : 0
  },

  async run({ url, prefix, plan, isWanted, progress }) {
    if (!isWanted('page')) return []
    const counter = await createClient({ url }).connect()
    const opened = new Map()
    const results = VARIANTS.map(({ name }) => ({ store: name, values: [], commands: {} }))
    try {
      for (const it of VARIANTS) opened.set(it.name, await openStore(it, url, `${prefix}page:`))
      for (let repeat = 0; repeat < plan.repeats; repeat++) {
        for (const result of rotate(results, repeat)) {
          progress.step(STEP_MS, `repeat ${repeat + 1}: page load, ${result.store}`)
          const { ms, commands } = await loadPages(opened.get(result.store), counter, plan)
          result.values.push(ms)
          result.commands = commands
        }
      }
    } finally {
      for (const { close } of opened.values()) await close()
      counter.destroy()
    }
    return results.map(({ values, ...result }) => ({ ...result, ...summary(values) }))
  },
}

/** Resolves to the median milliseconds and the commands of a page. */
async function loadPages(opened, counter, { pages, usualPayload: payload }) {
  const bench = { ...opened, text: textOf(attributesOf(payload)) }
  await WORKLOADS.reading.prepare(bench)
  const times = []
  const before = await commandCounts(counter)
  for (let slot = 0; slot < pages; slot++) {
    const begin = performance.now()
    await request(bench, slot)
    await Promise.all(Array.from({ length: API_CALLS }, () => request(bench, slot)))
    times.push(performance.now() - begin)
  }
  const after = await commandCounts(counter)
  await WORKLOADS.reading.verify(bench)
  const commands = {}
  for (const [name, count] of Object.entries(after)) {
    const calls = count - (before[name] ?? 0)
    if (calls > 0) commands[name] = calls / pages
  }
  return { ms: summary(times).median, commands }
}

function request(bench, slot) {
  return new Promise((resolve, reject) => {
    WORKLOADS.reading.call(bench, slot, (error) => (error ? reject(error) : resolve()))
  })
}

/** How often the server has run each command, as it counts itself. */
async function commandCounts(client) {
  const counts = {}
  for (const [, name, calls] of (await client.info('commandstats')).matchAll(
    /^cmdstat_([^:]+):calls=(\d+)/gm,
  )) {
    if (name !== 'info') counts[name.toUpperCase()] = Number(calls)
  }
  return counts
}

function variant(name, label, options) {
  return { name, label, open: (url, prefix) => openOurs(url, prefix, options) }
}
