// Measures, and writes the results. Run by scripts/bench.js, which starts Redis and builds the library.
import { measureMicro } from './micro.js'
import { parseOptions, USAGE } from './options.js'
import { makePlan, microCells } from './plan.js'
import { Progress } from './progress.js'
import { RAW, RAW_JSON } from './raw.js'
import { STORES } from './stores.js'

const options = parseOptions(process.argv.slice(2))
if (options.help) {
  console.log(USAGE)
  process.exit()
}
const url = process.env.REDIS_URL
const prefix = `connect-solidis-bench:${process.pid}:`
const plan = makePlan(options)
const stores = [...STORES, RAW, RAW_JSON].filter(({ name, label, missing }) => {
  if (options.stores && !options.stores.includes(name)) return false
  if (missing) console.error(`Left out: ${label}: ${missing}`)
  return !missing
})

const cells = microCells(
  plan,
  options.isWanted,
  stores.map((store) => store.name),
)
const progress = new Progress(cells.flatMap((c) => c.stores).length * plan.repeats)
const micro = await measureMicro(cells, stores, {
  url,
  prefix,
  ...plan,
  targetMs: plan.sampleMs,
  progress,
})
progress.end()
for (const r of micro)
  console.log(
    r.workload.padEnd(9),
    String(r.payload).padStart(6),
    String(r.concurrency).padStart(5),
    r.store.padEnd(28),
    String(Math.round(r.median)).padStart(8),
    `${Math.round(r.low)}-${Math.round(r.high)}`.padStart(16),
    r.ratio?.toFixed(2) ?? '',
    r.lost === undefined ? '' : `lost ${(r.lost * 100).toFixed(1)} %`,
  )
