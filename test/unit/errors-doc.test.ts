import { readdirSync, readFileSync } from 'node:fs'
import { expect } from 'chai'
import { withTables } from '../../scripts/errors-page.js'

const TABLE = 'docs/errors.md'
const COMMENT = /\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm
/** What looks like a code, but is a command. */
const COMMANDS = ['ECHO', 'EVAL', 'EVALSHA', 'EXISTS', 'EXPIRE']
const CODES = [
  /'(E[A-Z0-9]{2,}|ERR_[A-Z_]+)'/g,
  // Those of Redis begin with any letter, and are compared with.
  /\bcode\b[^\n]{0,20}[!=]== '([A-Z]+)'/g,
]
/** To Node, ENOENT is a file which is missing; after CROSSSLOT, keys are sent one by one. */
const NEVER_TOLD = ['ENOENT', 'CROSSSLOT']

describe(TABLE, () => {
  const page = readFileSync(TABLE, 'utf8')
  const documented = [...page.matchAll(/^\| `([A-Z_]+)` \|/gm)]
  const rows = documented.map(([, code]) => code as string)

  const sources = readdirSync('lib', { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => readFileSync(`lib/${file}`, 'utf8').replace(COMMENT, ''))
  const used = sources.flatMap((source) =>
    CODES.flatMap((pattern) => [...source.matchAll(pattern)].map(([, code]) => code as string)),
  )
  const told = [...new Set(used)].filter((code) => ![...COMMANDS, ...NEVER_TOLD].includes(code))

  it('has every code that lib/ knows', () => {
    expect(told).to.include.members(['ETIMEDOUT', 'READONLY', 'ERR_INVALID_ARG_TYPE', 'EBUSY'])
    expect(told.filter((code) => !rows.includes(code))).to.deep.equal([])
  })

  it('has what the code says of them, by npm run docs:errors', () => {
    expect(page).to.equal(withTables(page))
  })

  it('has each code once', () => {
    expect(rows).to.deep.equal([...new Set(rows)])
  })
})
