import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { renderPage } from '../../scripts/matrix/page.js'

const outcome = (more: object = {}) => ({ job: 'tests', checks: 7, attempt: 1, ...more })
const row = (name: string, more: object) => ({
  name,
  jobs: ['tests'],
  versions: [{ name: 'redis', version: '5.0.1' }],
  ...more,
})

describe('docs/compatibility.md', () => {
  it('is of what package.json says is the oldest', () => {
    const page = readFileSync('docs/compatibility.md', 'utf8')
    const { engines, peerDependencies } = JSON.parse(readFileSync('package.json', 'utf8'))
    for (const [about, range] of [
      ['Node', engines.node],
      ['express-session', peerDependencies['express-session']],
    ]) {
      const [, section = ''] = page.split(`\n## ${about}\n`)
      expect(section).to.match(new RegExp(`^\\| the oldest \\| ${range.replace('>=', '')}\\.`, 'm'))
    }
  })

  it('says what has failed, what passed only then, and what was not to be had', () => {
    const rows = [
      row('this', { outcomes: [outcome()] }),
      row('that', { outcomes: [outcome({ failure: 'a test failed', attempt: 2 })] }),
      row('slow', { outcomes: [outcome({ attempt: 2 })] }),
      row('none', { versions: [], outcomes: [], missing: 'there was none' }),
    ]
    const page = renderPage([{ title: 'Clients', rows }], [{ name: 'Node', version: '20.19.0' }])
    expect(page).to.include('| this | 5.0.1 | 7 |')
    expect(page).to.include('| that | 5.0.1 | **failed** |')
    expect(page).to.include('| slow | 5.0.1 | 7 (at the second try) |')
    expect(page).to.include('| none | – | not tested |')
    expect(page).to.include('- none: there was none.')
  })
})
