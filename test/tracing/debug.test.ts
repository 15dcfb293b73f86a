import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { ensureBuilt } from '../support/built.ts'

const SID = 'the-secret-sid'
const USE = `
  const answer = ([name, ...args]) => [name === 'EVALSHA' ? [args.at(-1), null, -2] : null]
  const client = { send: async (all) => all.map(answer) }
  const store = new SolidisStore({ client })
  store.get('${SID}').then(() => store.set('${SID}', {})).catch(() => {}).then(() => store.get(1)).catch(() => {})
`
const ESM = `import { SolidisStore } from './dist/esm/index.js'\n${USE}`
const COMMONJS = `const { SolidisStore } = require('./dist/cjs/index.js')\n${USE}`

/** What a process writes. */
function run(type: 'module' | 'commonjs', code: string, DEBUG?: string) {
  const { DEBUG: _, ...rest } = process.env
  const env = { ...rest, ...(DEBUG === undefined ? {} : { DEBUG }) }
  const options = { input: code, encoding: 'utf8', env } as const
  return spawnSync(process.execPath, [`--input-type=${type}`, '-'], options)
}

describe('DEBUG=connect-solidis', () => {
  before(function () {
    this.timeout(60_000)
    ensureBuilt()
  })

  for (const [type, code] of [
    ['module', ESM],
    ['commonjs', COMMONJS],
  ] as const) {
    it(`writes a line a call, as express-session does (${type})`, () => {
      const { stderr } = run(type, code, 'express-session,connect-solidis')
      const lines = stderr.trim().split('\n')
      expect(lines).to.have.length(3)
      expect(lines[0]).to.match(/connect-solidis get none \d+\.\d ms$/)
      expect(lines[1]).to.match(/connect-solidis set failed EFOREIGN \d+\.\d ms \d+ bytes$/)
      expect(lines[2]).to.match(/connect-solidis get failed ERR_INVALID_ARG_TYPE \d+\.\d ms$/)
      expect(lines.join()).not.to.include(SID)
    })
  }

  it('writes nothing where it is not asked to', () => {
    expect(run('module', ESM).stderr).to.equal('')
    expect(run('module', ESM, 'express-session').stderr).to.equal('')
  })
})

describe('docs/tracing.md', () => {
  before(function () {
    this.timeout(60_000)
    ensureBuilt()
  })

  it('shows code that does what it says', () => {
    const text = readFileSync('docs/tracing.md', 'utf8')
    const [block] = text.match(/(?<=```js\n)[\s\S]*?(?=```)/g) ?? []
    const lines = run('module', `${block}\n${ESM}`).stdout.trim().split('\n')
    expect(lines.map((line) => line.split(' ').slice(0, 3).join(' '))).to.deep.equal([
      'get none ',
      'set failed EFOREIGN',
      'get failed ERR_INVALID_ARG_TYPE',
    ])
  })

  it('has each method and outcome that there is', () => {
    const source = readFileSync('lib/tracing/channels.ts', 'utf8')
    const text = readFileSync('docs/tracing.md', 'utf8')
    const names = [...source.matchAll(/^ {2}\| '(\w+)'$/gm)].map(([, name]) => name as string)
    expect(names).to.include.members(['get', 'reencrypt', 'found', 'failed'])
    expect(
      names.filter((name) => !text.includes(`\`'${name}'\``) && !text.includes(`\`${name}\``)),
    ).to.deep.equal([])
  })
})
