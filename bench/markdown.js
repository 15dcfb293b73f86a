// The results as Markdown.
import { BIG_METHODS } from './big.js'
import { bytes, integer, megabytes, percent, short, times } from './format.js'
import { HTTP_WORKLOADS } from './http.js'
import { BASELINE } from './stores.js'
import { WORKLOADS } from './workloads.js'

export function toMarkdown(results, charts) {
  const labels = new Map(results.stores.map(({ name, label }) => [name, label]))
  const label = (name) => labels.get(name) ?? name
  return `${[
    ...header(results),
    ...charts.map(({ file, title }) => `![${title}](${file})`),
    ...microTables(results, label),
    ...httpTables(results, label),
    ...bigTables(results, label),
    ...pageTable(results),
    ...conflictTable(results),
    ...optionTables(results),
  ].join('\n\n')}\n`
}

function header({ environment, plan, leftOut }) {
  const { packages } = environment
  const versions = Object.entries(packages).map(([name, version]) =>
    version ? `${name} ${version}` : `${name} not installed`,
  )
  const lines = [
    '# Benchmarks',
    'Made by `npm run bench`, which measures all of this anew. In the repository, `results.json` beside ' +
      'this page has every single sample.',
    [
      `- ${environment.date.slice(0, 10)}, ${environment.cpu}, ${environment.cores} cores, ` +
        `${Math.round(environment.memory / 2 ** 30)} GB, ${environment.os}`,
      `- Node ${environment.node}, ${environment.redis}, on one machine with the benchmark`,
      `- ${versions.join(', ')}`,
    ].join('\n'),
    `Figures are medians of ${plan.repeats} interleaved repeats, unless said otherwise, with the ` +
      'lowest and the highest in brackets. In each repeat the stores take turns, in an order that ' +
      `rotates. Ratios, to ${BASELINE}, are medians of the ratios within each repeat.`,
  ]
  if (plan.quick) lines.push('This is the quick form, which only shows that everything works.')
  for (const { label, why } of leftOut) lines.push(`Left out: ${label}: ${why}.`)
  return lines
}

function microTables({ micro, plan }, label) {
  const lines = micro.length > 0 ? ['## Calls a second'] : []
  for (const [name, { title, about }] of Object.entries(WORKLOADS)) {
    const ofWorkload = micro.filter(({ workload }) => workload === name)
    if (ofWorkload.length > 0) lines.push(`### ${title}`, `${about}.`)
    for (const payload of plan.payloads) {
      const found = ofWorkload.filter((r) => r.payload === payload)
      if (found.length === 0) continue
      const columns = unique(found.map(({ concurrency }) => concurrency))
      lines.push(
        `Sessions of ${bytes(payload)}, by the number of calls at once:`,
        table(
          ['store', ...columns.map(integer)],
          unique(found.map(({ store }) => store)).map((store) => [
            label(store),
            ...columns.map((concurrency) =>
              rateCell(found.find((r) => r.store === store && r.concurrency === concurrency)),
            ),
          ]),
        ),
      )
    }
  }
  return lines
}

function httpTables({ http, plan }, label) {
  if (http.length === 0) return []
  const about =
    `Express with each store, over HTTP: ${plan.httpConnections} connections, each with a session of its ` +
    `own of ${bytes(plan.usualPayload)}; the server, the load generator and Redis are processes of their own. ` +
    'A reading request ends in `touch`, a writing one in `set`. One hot session is written by all of ' +
    'the connections.'
  const lines = ['## End to end', about]
  for (const workload of HTTP_WORKLOADS) {
    const rows = http
      .filter((r) => r.workload === workload)
      .map((r) => [label(r.store), rateCell(r), `${short(r.p50.median)} ms`, spread(r.p99, ' ms')])
    lines.push(`### ${titleOf(workload)}`, table(['store', 'requests/s', 'p50', 'p99'], rows))
  }
  return lines
}

export function titleOf(workload) {
  const { title } = WORKLOADS[workload]
  return workload === 'hot' ? title : `${title}s`
}

function bigTables({ big, plan }, label) {
  if (big.length === 0) return []
  const about =
    'Each call in a process of its own. Memory is the peak of the whole process (resident, and in ' +
    'brackets before the call), and of its heap; a pause is how long the event loop stood still at most.'
  const lines = ['## Very many sessions', about]
  for (const { sessions, repeats } of plan.bigSizes) {
    if (repeats !== plan.repeats)
      lines.push(
        `${integer(sessions)} sessions: measured ${repeats === 1 ? 'once' : `${repeats} times`}.`,
      )
    for (const method of BIG_METHODS) {
      const rows = big
        .filter((r) => r.sessions === sessions && r.method === method)
        .map((r) => [label(r.store), ...bigCells(r)])
      const columns = ['store', 'time', 'longest pause', 'memory', 'heap']
      lines.push(`### \`${method}\` of ${integer(sessions)} sessions`, table(columns, rows))
    }
  }
  return lines
}

function bigCells(result) {
  if (result.failed) return [`failed: ${result.failed}`, '', '', '']
  return [
    spread(result.ms, ' ms'),
    spread(result.pauseMs, ' ms'),
    `${megabytes(result.peakRss.median)} MB (${megabytes(result.rssBefore.median)})`,
    `${megabytes(result.peakHeap.median)} MB`,
  ]
}

function pageTable({ page, variants }) {
  if (page.length === 0) return []
  const about =
    'One document, then 20 API calls at once, all of one session that was last seen longer ago than ' +
    '`touchAfter`: the commands as the server counts them, and the time of all requests together.'
  const rows = page.map((r) => {
    const commands = Object.values(r.commands).reduce((sum, count) => sum + count, 0)
    const each = Object.entries(r.commands).map(([name, count]) => `${name} ${short(count)}`)
    return [labelIn(variants.page, r.store), short(commands), each.join(', '), spread(r, ' ms')]
  })
  return ['## A page load', about, table(['store', 'commands', 'of which', 'time'], rows)]
}

function conflictTable({ conflict, plan, variants, client }) {
  if (conflict.length === 0) return []
  const about =
    `Loaded sessions saved again over ${client} by ${plan.usualConcurrency} writers at once, none of ` +
    'which is in the way of another. Calls a second, and the ratio to the plain `SET`.'
  return [
    '## The conflict check',
    about,
    table(
      ['', ...plan.payloads.map(bytes)],
      variants.conflict.map(({ name, label }) => [
        label,
        ...plan.payloads.map((payload) =>
          rateCell(conflict.find((r) => r.store === name && r.payload === payload)),
        ),
      ]),
    ),
  ]
}

function optionTables({ options, plan, variants, client }) {
  if (options.length === 0) return []
  const workloads = unique(options.map(({ workload }) => workload))
  const about =
    `Requests a second at ${plan.usualConcurrency} at once, with sessions of ` +
    `${bytes(plan.usualPayload)}, over ${client}, and the ratio to the defaults.`
  return [
    '## Options',
    about,
    table(
      ['options', ...workloads.map((name) => WORKLOADS[name].title)],
      variants.options.map(({ name, label }) => [
        label,
        ...workloads.map((workload) =>
          rateCell(options.find((r) => r.store === name && r.workload === workload)),
        ),
      ]),
    ),
  ]
}

function rateCell(result) {
  if (result === undefined) return '–'
  const { median, low, high, ratio, lost } = result
  const parts = [integer(median)]
  if (low !== high) parts.push(`[${integer(low)}–${integer(high)}]`)
  if (ratio !== undefined) parts.push(`**${times(ratio)}**`)
  if (lost !== undefined) parts.push(`${percent(lost)} of changes lost`)
  return parts.join(' ')
}

function spread({ median, low, high }, unit) {
  const range = low === high ? '' : ` [${short(low)}–${short(high)}]`
  return `${short(median)}${unit}${range}`
}

function labelIn(variants, name) {
  return variants.find((variant) => variant.name === name).label
}

function table(columns, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`
  const rule = columns.map((_, i) => (i === 0 ? '---' : '---:'))
  return [columns, rule, ...rows].map(line).join('\n')
}

function unique(values) {
  return [...new Set(values)]
}
