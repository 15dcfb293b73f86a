import { expect } from 'chai'
import { isoDate } from '../../lib/session/iso-date.ts'

const DAY_MS = 86_400_000
const LAST_DATE_MS = 8.64e15

describe('isoDate', () => {
  it('gives what toISOString gives', () => {
    const days = [0, 1, -1, 59, 20_000, 20_001, 47_482, 2_932_896, 2_932_897, -719_529, 99_999_999]
    const times = [0, 1, 999, 1000, 59_999, 60_000, 3_599_999, 3_600_000, 43_200_000, DAY_MS - 1]
    for (const day of days) {
      for (const time of times) {
        const ms = day * DAY_MS + time
        expect(isoDate(ms)).to.equal(new Date(ms).toISOString())
      }
    }
    expect(isoDate(LAST_DATE_MS)).to.equal(new Date(LAST_DATE_MS).toISOString())
    expect(isoDate(-LAST_DATE_MS)).to.equal(new Date(-LAST_DATE_MS).toISOString())
  })

  it('gives it for one day after another', () => {
    for (let ms = 1_767_225_600_000, i = 0; i < 2000; i++, ms += 20_000_003) {
      expect(isoDate(ms)).to.equal(new Date(ms).toISOString())
    }
  })

  it('fails beyond the dates there are, and goes on after that', () => {
    expect(() => isoDate(LAST_DATE_MS + DAY_MS)).to.throw(RangeError)
    expect(isoDate(1)).to.equal('1970-01-01T00:00:00.001Z')
  })
})
