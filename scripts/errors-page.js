// Makes the tables of docs/errors.md of the doc comments in lib/error-codes.ts.
//   npm run docs:errors
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const SOURCE = 'lib/error-codes.ts'
const PAGE = 'docs/errors.md'

const INTERFACE = /^export interface (\w+) \{\n([\s\S]*?)^\}/gm
const MEMBER = /^ {2}\/\*\*\n([\s\S]*?)\*\/\n {2}(\w+): '(\w+)'/gm
const NAMED_PAGE = /`docs\/([\w-]+)\.md(#[\w-]+)?`/g
const APPLIED = { no: 'no', unknown: 'unknown', event: '–' }

/** Gives the page with its tables as they should be. */
export function withTables(page) {
  const source = readFileSync(SOURCE, 'utf8')
  let made = page
  for (const [, name, body] of source.matchAll(INTERFACE))
    made = withTable(made, name, tableOf(body))
  return made
}

function withTable(page, name, table) {
  const [begin, end] = [`<!-- ${name}: written by npm run docs:errors -->\n`, `<!-- /${name} -->`]
  const [before, rest, ...others] = page.split(begin)
  const [, ...after] = (rest ?? '').split(end)
  if (others.length > 0 || after.length !== 1)
    throw new Error(`docs/errors.md: no place for ${name}`)
  return before + begin + table + end + after[0]
}

function tableOf(body) {
  const rows = [...body.matchAll(MEMBER)].map(([, comment, code, applied]) => {
    const [meaning, remedy] = comment
      .replace(/^ *\* ?/gm, '')
      .replace(/\s+/g, ' ')
      .replace(NAMED_PAGE, (_, page, anchor = '') => `[${page}](${page}.md${anchor})`)
      .split('@remarks')
    return `| \`${code}\` | ${meaning.trim()} | ${APPLIED[applied]} | ${remedy.trim()} |\n`
  })
  return `| code | what it means | applied? | what to do |\n| --- | --- | --- | --- |\n${rows.join('')}`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(PAGE, withTables(readFileSync(PAGE, 'utf8')))
}
