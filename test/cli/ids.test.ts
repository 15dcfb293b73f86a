import { expect } from 'chai'
import { protectIds } from '../../cli/src/ids.ts'
import { indexBy } from '../../cli/src/store.ts'

const DASHED = '-abcdefghijklmnopqrstu'

describe('ids among arguments', () => {
  const cases: [given: string, protectedTo: string][] = [
    ['show abc --json', 'show abc --json'],
    [`show ${DASHED} --json`, `show --json -- ${DASHED}`],
    [`show --json -${DASHED}`, `show --json -- -${DASHED}`],
    [`end-by ann --only ${DASHED}`, `end-by ann --only ${DASHED}`],
    [`show -- ${DASHED} --json`, `show -- ${DASHED} --json`],
    [
      `end-by ${DASHED} --only ${DASHED} --json -- x`,
      `end-by --only ${DASHED} --json -- ${DASHED} x`,
    ],
    ['show -h', 'show -h'],
  ]
  for (const [given, expected] of cases) {
    it(`are never taken for options: ${given}`, () => {
      const args = protectIds(given.split(' '), ['--only', '--url'])
      expect(args.join(' ')).to.equal(expected)
    })
  }
})

describe('--index', () => {
  const session = { userId: 7, passport: { user: 'ann', list: ['x'] }, none: null, empty: '' }

  it('is a path to text or a number', () => {
    expect(indexBy('userId')(session)).to.equal('7')
    expect(indexBy('passport.user')(session)).to.equal('ann')
    for (const path of ['nobody', 'passport', 'passport.user.x', 'none', 'none.x', 'empty']) {
      expect(indexBy(path)(session), path).to.equal(undefined)
    }
  })

  it('finds nothing that a session only inherits', () => {
    for (const path of ['constructor.name', 'userId.toString', '__proto__.x']) {
      expect(indexBy(path)({ ...session }), path).to.equal(undefined)
    }
  })
})
