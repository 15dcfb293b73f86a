// Results as files: JSON for programs, Markdown for readers, and charts.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { drawCharts } from './charts.js'
import { bytes, disagreements, medianOf, percent, ratioOf, short, times } from './figures.js'
import { SERVERS, USUAL_PAYLOAD } from './plan.js'
import { IN_REDIS, LEFT_OUT, OURS, STORES } from './stores.js'

/** Documents with a place for the end-to-end figures. */
const DOCUMENTS = ['README.md', 'docs/performance.md']
const PLACE = /(<!-- end to end: .*-->\n)[\s\S]*?(<!-- \/end to end -->)/

const UNITS = { cpu: ' µs', p99: ' ms', rate: '/s' }

/** Writes the files, and gives the Markdown. */
export function writeReport(results, folder) {
  const charts = drawCharts(results)
  const markdown = toMarkdown(results, charts)
  mkdirSync(folder, { recursive: true })
  const rows = results.rows.map((row) => JSON.stringify(row, rounded)).join(',\n')
  const json = JSON.stringify({ ...results, rows: [] }, null, 2)
  writeFileSync(join(folder, 'results.json'), `${json.replace(/\[\](?=\s*}$)/, `[\n${rows}\n]`)}\n`)
  writeFileSync(join(folder, 'README.md'), markdown)
  for (const { file, svg } of charts) writeFileSync(join(folder, file), svg)
  return markdown
}

/** Writes the figures that lead the documents into them. */
export function updateDocuments({ rows, environment }, root) {
  const usual = rows.filter(
    (it) => it.part === 'end-to-end' && it.server === 'express' && it.payload === USUAL_PAYLOAD,
  )
  const columns = { 'reading request': ['reading', 'cpu'], 'writing request': ['writing', 'cpu'] }
  const { date, machine, node, redis } = environment
  const text =
    `${storeTable(usual, columns)}\n\n` +
    `Medians, sessions of ${bytes(USUAL_PAYLOAD)}, 64 connections; ${date.slice(0, 10)}, ${machine}, ` +
    `Node ${node}, ${redis}.\n`
  for (const document of DOCUMENTS) {
    const file = join(root, document)
    const updated = readFileSync(file, 'utf8').replace(PLACE, (_, from, to) => from + text + to)
    writeFileSync(file, updated)
  }
}

function toMarkdown({ rows, environment, plan }, charts) {
  const of = (part) => rows.filter((row) => row.part === part)
  const picture = (name) =>
    charts.filter(({ file }) => file === name).map(({ file, title }) => `![${title}](${file})`)
  const parts = [
    ...header(environment, plan),
    ...agreement(rows, plan),
    ...section(of('end-to-end'), (found) => [
      '## End to end',
      `What a site pays: CPU time of the server process a request, from \`process.cpuUsage()\` before and ` +
        `after, over ${plan.connections} keep-alive connections. A reading request ends in \`touch\`, a ` +
        'writing one in `set`. Requests a second and p99 also depend on the load and Redis, which share the machine.',
      ...picture('end-to-end.svg'),
      ...byCell(found, ({ server, payload }) => [
        `### ${SERVERS[server]}, sessions of ${bytes(payload)}`,
        { ...wide('reading'), ...wide('writing') },
      ]),
    ]),
    ...section(of('calls'), (found) => [
      '## The store alone',
      'What express-session asks of it for a request, without a server, by the number of requests at once: ' +
        'the CPU time of the process each, and how many a second.',
      ...picture('calls.svg'),
      ...plan.payloads.flatMap((payload) => callTables(found, payload, plan)),
    ]),
    ...section(of('hot'), (found) => [
      '## One hot session',
      `${plan.connections} clients change one session at once, in Express 5; each counts in an attribute of its own.`,
      ...picture('hot.svg'),
      storeTable(found, { ...wide('hot'), 'changes lost': ['hot', 'lost'] }),
    ]),
    ...section(of('options'), (found) => [
      '## What options cost',
      `In Express 5, over ${OURS.label.split(' ').at(-1)}; ratios to the defaults. Memory is Redis's, a session.`,
      ...byCell(found, ({ payload }) => [
        `### Sessions of ${bytes(payload)}`,
        { ...narrow('reading'), ...narrow('writing'), memory: ['writing', 'bytes'] },
      ]),
    ]),
    ...section(of('many'), (found) => [
      `## ${short(plan.many)} sessions`,
      `Of 300 B: time, CPU time of the process, and the longest time for which nothing else could run, in ms.`,
      table(
        ['store', 'length', 'all', 'clear'],
        found.map((row) => [
          labelOf(row.side),
          ...['length', 'all', 'clear'].map((method) =>
            ['ms', 'cpu', 'pause']
              .map((figure) => short(medianOf(row, `${method} ${figure}`)))
              .join(' / '),
          ),
        ]),
      ),
    ]),
    ...section(of('logouts'), (found) => [
      '## Logouts that are undone',
      'By a request that has loaded the session before the logout, and changes it after.',
      storeTable(found, { undone: ['undoneLogouts', 'undone'] }),
    ]),
  ]
  return `${parts.join('\n\n')}\n`
}

function header({ date, machine, os, node, redis, packages }, plan) {
  return [
    '# Benchmarks',
    'Made by `npm run bench`, which measures all of this anew. In the repository, `results.json` beside ' +
      'this page has every single sample.',
    `- ${date.slice(0, 10)}, ${machine}, ${os}\n- Node ${node}, ${redis}, on one machine with the benchmark\n` +
      `- ${packages.join(', ')}`,
    `Figures are medians of ${plan.runs} runs of ${plan.turns} turns of ${plan.turnMs / 1000} s. Each store has ` +
      'a process of its own, a new one in each run, and they take turns. **Ratios** are to connect-redis on ' +
      'node-redis, and are medians of those within a turn. Of CPU time and p99 less is better, of requests a second more.',
    ...(plan.turns < 2 ? ['This is the quick form, which only shows that everything works.'] : []),
    ...LEFT_OUT.map(({ label, missing }) => `Left out: ${label}: ${missing}.`),
  ]
}

function agreement(rows, { runs }) {
  if (runs < 2) return []
  const differing = disagreements(rows)
  const heading = '## Where the runs disagree'
  if (differing.length === 0)
    return [heading, `All ratios of the ${runs} runs agree within a tenth.`]
  return [
    heading,
    'By more than a tenth in these ratios, which are not to be relied on:',
    table(
      ['', 'store', 'ratio in each run'],
      differing.map(({ row, found }) => [
        [row.part, row.server, bytes(row.payload), row.workload, row.atOnce]
          .filter(Boolean)
          .join(', '),
        labelOf(row.side),
        found.map(({ name, ratios }) => `${name} ${ratios.map(times).join(' and ')}`).join('; '),
      ]),
    ),
  ]
}

function callTables(rows, payload, { atOnce }) {
  return ['reading', 'writing'].flatMap((workload) => {
    const found = rows.filter((row) => row.payload === payload && row.workload === workload)
    return [
      `### A ${workload} request, sessions of ${bytes(payload)}`,
      table(
        ['store', ...atOnce.flatMap((n) => [`CPU, ${n} at once`, `a second, ${n} at once`])],
        IN_REDIS.map(({ name, label }) => [
          label,
          ...atOnce.flatMap((n) => {
            const row = found.find((it) => it.side === name && it.atOnce === n)
            return [cell(rows, row, 'cpu'), cell(rows, row, 'rate')]
          }),
        ]),
      ),
    ]
  })
}

/** The columns of a table, by title: which workload, and which figure of it. */
function narrow(workload) {
  return { [`${workload}: CPU`]: [workload, 'cpu'], [`${workload}: requests`]: [workload, 'rate'] }
}

function wide(workload) {
  return { ...narrow(workload), [`${workload}: p99`]: [workload, 'p99'] }
}

/** A heading and a table for each server and size. */
function byCell(rows, describe) {
  const cells = new Map(rows.map((row) => [`${row.server} ${row.payload}`, row]))
  return [...cells.values()].flatMap((of) => {
    const [heading, columns] = describe(of)
    const found = rows.filter((row) => row.server === of.server && row.payload === of.payload)
    return [heading, storeTable(found, columns)]
  })
}

function storeTable(rows, columns) {
  const sides = [...new Set(rows.map(({ side }) => side))]
  return table(
    ['', ...Object.keys(columns)],
    sides.map((side) => [
      labelOf(side),
      ...Object.values(columns).map(([workload, figure]) =>
        cell(
          rows,
          rows.find((row) => row.side === side && row.workload === workload),
          figure,
        ),
      ),
    ]),
  )
}

function cell(rows, row, figure) {
  if (figure === 'bytes') return row.bytes ? `${short(row.bytes)} B` : '–'
  if (figure === 'lost') return percent(row.lost)
  if (figure === 'undone') return percent(medianOf(row, figure))
  const { ratio } = ratioOf(rows, row, figure)
  const value = `${short(medianOf(row, figure))}${UNITS[figure]}`
  return ratio === undefined ? value : `${value} **${times(ratio)}**`
}

function labelOf(side) {
  return STORES.find(({ name }) => name === side)?.label ?? `\`${side}\``
}

function section(found, describe) {
  return found.length > 0 ? describe(found) : []
}

function table(columns, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`
  const rule = columns.map((_, i) => (i === 0 ? '---' : '---:'))
  return [columns, rule, ...rows].map(line).join('\n')
}

function rounded(_name, value) {
  return typeof value === 'number' ? Number(value.toPrecision(6)) : value
}
