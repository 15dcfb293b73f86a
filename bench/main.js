// Measures, and writes the results. Run by scripts/bench.js, which starts Redis and builds the library.
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { big } from './big.js'
import { conflict } from './conflict.js'
import { describeEnvironment } from './environment.js'
import { http } from './http.js'
import { micro } from './micro.js'
import { optionCosts } from './option-costs.js'
import { parseOptions, USAGE } from './options.js'
import { page } from './page.js'
import { PLAINEST } from './plainest.js'
import { makePlan } from './plan.js'
import { Progress } from './progress.js'
import { RAW } from './raw.js'
import { writeReport } from './report.js'
import { solidisMissing } from './solidis.js'
import { STORES } from './stores.js'

const PARTS = { micro, conflict, options: optionCosts, page, http, big }
const DOCS = fileURLToPath(new URL('../docs/benchmarks', import.meta.url))

const options = readOptions()
const url = process.env.REDIS_URL
const plan = makePlan(options)
const all = [...STORES, RAW, PLAINEST].filter(
  ({ name }) => !options.stores || options.stores.includes(name),
)
const missing = all.filter(({ missing }) => missing)
const stores = all.filter(({ missing }) => !missing)
for (const { label, missing: why } of missing) console.error(`Left out: ${label}: ${why}`)

const prefix = `connect-solidis-bench:${process.pid}:`
const context = { url, prefix, plan, stores, isWanted: options.isWanted }
const parts = Object.entries(PARTS)
const progress = new Progress(parts.reduce((sum, [, part]) => sum + part.estimateMs(context), 0))
const results = {
  environment: await describeEnvironment(url),
  plan,
  /** What connect-solidis runs over where only its options are compared. */
  client: solidisMissing ? 'node-redis' : 'Solidis',
  stores: stores.map(({ name, label, kind }) => ({ name, label, kind })),
  leftOut: missing.map(({ name, label, missing: why }) => ({ name, label, why })),
  variants: Object.fromEntries(parts.map(([name, part]) => [name, part.variants])),
}
for (const [name, part] of parts) results[name] = await part.run({ ...context, progress })
progress.end()

const folder = outFolder()
const summary = writeReport(results, folder)
console.log(`${summary}\n\nWritten to ${folder}`)

function readOptions() {
  try {
    const options = parseOptions(process.argv.slice(2))
    if (!options.help) return options
    console.log(USAGE)
    process.exit(0)
  } catch (error) {
    console.error(`${error.message}\n\n${USAGE}`)
    process.exit(1)
  }
}

function outFolder() {
  if (options.out) return resolve(options.out)
  return options.isPartial ? mkdtempSync(join(tmpdir(), 'connect-solidis-bench-')) : DOCS
}
