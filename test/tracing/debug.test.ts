import { spawnSync } from 'node:child_process'
import { expect } from 'chai'
import { ensureBuilt } from '../support/built.ts'

const SID = 'the-secret-sid'
const USE = `
  const store = new SolidisStore({ client: { send: async (all) => all.map(() => [null]) } })
  store.get('${SID}').then(() => store.set('${SID}', {})).catch(() => {}).then(() => store.get(1)).catch(() => {})
`
const ESM = `import { SolidisStore } from './dist/esm/index.js'\n${USE}`
const COMMONJS = `const { SolidisStore } = require('./dist/cjs/index.js')\n${USE}`

/** What a process writes to stderr. */
function errorsOf(type: 'module' | 'commonjs', code: string, DEBUG?: string): string {
  const { DEBUG: _, ...rest } = process.env
  const env = { ...rest, ...(DEBUG === undefined ? {} : { DEBUG }) }
  const options = { input: code, encoding: 'utf8', env } as const
  return spawnSync(process.execPath, [`--input-type=${type}`, '-'], options).stderr
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
      const lines = errorsOf(type, code, 'express-session,connect-solidis').trim().split('\n')
      expect(lines).to.have.length(3)
      expect(lines[0]).to.match(/connect-solidis get none \d+\.\d ms$/)
      expect(lines[1]).to.match(/connect-solidis set failed EFOREIGN \d+\.\d ms \d+ bytes$/)
      expect(lines[2]).to.match(/connect-solidis get failed ERR_INVALID_ARG_TYPE \d+\.\d ms$/)
      expect(lines.join()).not.to.include(SID)
    })
  }

  it('writes nothing where it is not asked to', () => {
    expect(errorsOf('module', ESM)).to.equal('')
    expect(errorsOf('module', ESM, 'express-session')).to.equal('')
  })
})
