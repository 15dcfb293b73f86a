// The compatibility matrix as a page.
import { readFileSync } from 'node:fs'

const NAMES = {
  node: 'Node',
  bun: 'Bun',
  deno: 'Deno',
  redis: 'node-redis',
  express: 'Express',
  fastify: 'Fastify',
}

/**
 * @param results the axes, each row with its versions and outcomes
 * @param defaults the versions where a row names no other
 */
export function renderPage(results, defaults) {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8'))
  const date = new Date().toISOString().slice(0, 10)
  return `# Compatibility

Made by \`npm run matrix\` on ${date}, for connect-solidis ${version}, on ${process.platform} (${process.arch}): do not edit.

Each row tries one thing, with the defaults for all else: ${shown(defaults)}.

*Tests*: how many have passed of those that tell most in short, against a real server: the contract over each client, the site on Express, races over several processes,
the swap with connect-redis, and the sessions of a user. The whole suite runs on the defaults with each change.

${renderTables(results)}
## What was not tested, and why

${renderMissing(results)}`
}

/** The tables of the axes, each with its heading. */
export function renderTables(results) {
  return results.map(renderAxis).join('\n')
}

function renderAxis({ title, about, rows }) {
  const jobs = [...new Set(rows.flatMap((row) => row.jobs))]
  const head = ['', 'version', ...jobs]
  const lines = [head, head.map(() => '---'), ...rows.map((row) => cells(row, jobs))]
  const table = lines.map((line) => `| ${line.join(' | ')} |\n`).join('')
  return `## ${title}\n\n${about === undefined ? '' : `${about}\n\n`}${table}`
}

function cells({ name, versions, outcomes }, jobs) {
  const results = jobs.map((job) => result(outcomes.find((outcome) => outcome.job === job)))
  return [name, shown(versions) || '–', ...results]
}

function result(outcome) {
  if (outcome === undefined) return 'not tested'
  const { job, checks, failure, attempt } = outcome
  if (failure !== undefined) return '**failed**'
  return `${job === 'tests' ? checks : 'yes'}${attempt > 1 ? ' (at the second try)' : ''}`
}

function renderMissing(results) {
  const missing = results.flatMap(({ rows }) => rows).filter((row) => row.missing !== undefined)
  if (missing.length === 0) return 'Nothing: all was to be had.\n'
  return missing.map((row) => `- ${row.name}: ${row.missing}.\n`).join('')
}

/** Versions, with their names where there are several. */
export function shown(versions) {
  if (versions.length === 1) return versions[0].version
  return versions.map(({ name, version }) => `${NAMES[name] ?? name} ${version}`).join(', ')
}
