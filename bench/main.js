// Measures, and writes the results. Run by scripts/bench.js, which starts Redis and builds the library.
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { startChild } from './child.js'
import { describeEnvironment } from './environment.js'
import { measureBlock } from './measure.js'
import { blocksOf, FULL, PART_NAMES, QUICK } from './plan.js'
import { updateDocuments, writeReport } from './report.js'
import { connectNodeRedis, LEFT_OUT } from './stores.js'

const USAGE = `Usage: npm run bench -- [options]

  --quick         everything in a tiny form, in under a minute: does it still work?
  --only <a,b>    only these: ${PART_NAMES.join(', ')}
  --out <folder>  where the results go: by default docs/benchmarks if everything is measured, else a
                  temporary folder
  --help          this text`

const ROOT = fileURLToPath(new URL('..', import.meta.url))

const { quick, only, out } = readOptions()
const url = process.env.REDIS_URL
const plan = quick ? QUICK : FULL
const blocks = blocksOf(plan, only)
for (const { label, missing } of LEFT_OUT) console.error(`Left out: ${label}: ${missing}`)

const begin = Date.now()
const load = startChild('load.js')
const context = { plan, url, prefix: `connect-solidis-bench:${process.pid}:`, load }
const runs = []
for (let run = 0; run < plan.runs; run++) {
  const rows = []
  for (const [i, block] of blocks.entries()) {
    const { part, server, payload } = block
    const what = [part, server, `${payload} B`].filter(Boolean).join(', ')
    const minutes = ((Date.now() - begin) / 60_000).toFixed(1)
    console.error(`${minutes} min: run ${run + 1}, ${i + 1} of ${blocks.length}: ${what}`)
    try {
      rows.push(...(await measureBlock(block, context)))
    } finally {
      await removeAll()
    }
  }
  runs.push(rows)
}
load.stop()

const environment = await describeEnvironment(url)
const results = { environment, plan, rows: merge(runs) }
const isComplete = !quick && only === undefined
const folder = folderOf(out)
console.log(writeReport(results, folder))
if (isComplete && out === undefined) updateDocuments(results, ROOT)
console.log(`\nWritten to ${folder} in ${((Date.now() - begin) / 60_000).toFixed(1)} minutes`)

function readOptions() {
  const string = { type: 'string' }
  const boolean = { type: 'boolean', default: false }
  try {
    const { values } = parseArgs({
      options: { quick: boolean, only: string, out: string, help: boolean },
    })
    if (values.help) {
      console.log(USAGE)
      process.exit()
    }
    const only = values.only?.split(',')
    const unknown = only?.find((name) => !PART_NAMES.includes(name))
    if (unknown !== undefined) throw new Error(`--only: no ${unknown}`)
    return { ...values, only }
  } catch (error) {
    console.error(`${error.message}\n\n${USAGE}`)
    process.exit(1)
  }
}

function folderOf(out) {
  if (out) return resolve(out)
  return isComplete
    ? join(ROOT, 'docs/benchmarks')
    : mkdtempSync(join(tmpdir(), 'connect-solidis-bench-'))
}

/** The rows of all runs, each with the samples of each run. */
function merge(runs) {
  return runs[0].map(({ samples: _, ...row }, i) => ({
    ...row,
    runs: runs.map((rows) => rows[i].samples),
  }))
}

async function removeAll() {
  const client = await connectNodeRedis(url)
  for await (const keys of client.scanIterator({ MATCH: `${context.prefix}*`, COUNT: 5000 })) {
    if (keys.length > 0) await client.unlink(keys)
  }
  client.destroy()
}
