// Makes the compatibility matrix: runs the tests that matter most on each Node, server, client and framework
// that can be had, and writes docs/compatibility.md. The other versions are installed into .matrix/.
//   npm run matrix                                   all of it, which takes some minutes
//   npm run matrix -- --only node,server             some axes; shown, and not written
//   REDIS_SERVERS=/opt/redis8/redis-server,... npm run matrix   with these servers, besides those on the PATH
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { axesFor, defaultsOf } from './matrix/axes.js'
import { NotHadError, packPackage, preparePlace } from './matrix/install.js'
import { JOBS } from './matrix/jobs.js'
import { renderPage, renderTables, shown } from './matrix/page.js'
import { findServers } from './matrix/servers.js'

const PAGE = 'docs/compatibility.md'

process.chdir(fileURLToPath(new URL('..', import.meta.url)))
// Else the servers that were started would live on: see redis-server.js.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1))

const { values } = parseArgs({ options: { only: { type: 'string' } } })
const servers = findServers()
const axes = chosen(axesFor(servers), values.only)

packPackage()
const results = []
for (const axis of axes) {
  const rows = []
  for (const row of axis.rows) rows.push(await runRow(row))
  results.push({ ...axis, rows })
}

if (values.only === undefined) {
  writeFileSync(PAGE, renderPage(results, defaultsOf(servers)))
  console.log(`Written: ${PAGE}`)
} else {
  console.log(`\n${renderTables(results)}`)
}
const failed = results.flatMap(({ rows }) => rows).filter(({ outcomes }) => outcomes.some(isFailed))
if (failed.length > 0) {
  console.error(`Failed: ${failed.map(({ name }) => name).join(', ')}`)
  process.exitCode = 1
}
process.exit()

function chosen(all, only) {
  if (only === undefined) return all
  const asked = only.split(',')
  const unknown = asked.filter((id) => !all.some((axis) => axis.id === id))
  if (unknown.length === 0) return all.filter(({ id }) => asked.includes(id))
  const known = all.map(({ id }) => id).join(', ')
  throw new Error(`There is no axis ${unknown.join(', ')}; there are ${known}`)
}

/** Gives the row with what came of it: the versions and the outcome of each job, or why there is none. */
async function runRow(row) {
  try {
    const place = preparePlace(row)
    const outcomes = []
    for (const job of row.jobs) outcomes.push(await runJob(row, job, place))
    return { ...row, versions: place.versions, outcomes }
  } catch (error) {
    if (!(error instanceof NotHadError)) throw error
    console.log(`${row.name}: not tested, because ${error.message}`)
    return { ...row, versions: [], outcomes: [], missing: error.message }
  }
}

/** What fails is tried once more: on a busy machine that may be all that there is to it. */
async function runJob(row, job, place) {
  for (let attempt = 1; ; attempt++) {
    const { checks, failure } = await JOBS[job](place)
    const versions = shown(place.versions)
    const result = failure === undefined ? `${checks} passed` : 'FAILED'
    console.log(`${row.name} (${versions}), ${job}: ${result}`)
    if (failure !== undefined) console.error(failure.replace(/^/gm, '    '))
    if (failure === undefined || attempt === 2) return { job, checks, failure, attempt }
  }
}

function isFailed({ failure }) {
  return failure !== undefined
}
