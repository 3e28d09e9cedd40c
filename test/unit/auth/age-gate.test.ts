import * as fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { hasReachedAge, isPossibleBirthdate, opensOn, todayInUtc } from '#src/auth/age-gate.ts'

afterEach(() => {
  vi.useRealTimers()
})

const text = (date: Date) => date.toISOString().slice(0, 10)
const dateBetween = (first: string, last: string) =>
  fc.date({ min: new Date(first), max: new Date(last), noInvalidDate: true }).map(text)
const births = dateBetween('1900-01-01', '2030-12-31')
const todays = dateBetween('2026-01-01', '2130-12-31')
const ages = fc.integer({ min: 1, max: 99 })

/** Completed years, counted from the parts of both dates. */
function yearsOld(birthdate: string, today: string): number {
  const [bornYear = 0, bornMonth = 0, bornDay = 0] = birthdate.split('-').map(Number)
  const [year = 0, month = 0, day = 0] = today.split('-').map(Number)
  const isBeforeBirthday = month < bornMonth || (month === bornMonth && day < bornDay)
  return year - bornYear - (isBeforeBirthday ? 1 : 0)
}

describe('hasReachedAge', () => {
  it.each([
    ['2013-11-24', '2026-11-23', false],
    ['2013-11-24', '2026-11-24', true],
    ['2013-11-24', '2026-11-25', true],
    ['2013-12-31', '2026-12-30', false],
    ['2013-12-31', '2027-01-01', true],
    ['2012-02-29', '2025-02-28', false],
    ['2012-02-29', '2025-03-01', true],
    ['2008-02-29', '2024-02-28', true],
    ['2015-02-28', '2028-02-29', true],
    ['2015-03-01', '2028-02-29', false],
    ['2015-03-01', '2028-03-01', true],
  ])('says of somebody born on %s that on %s they are 13: %s', (birthdate, today, expected) => {
    expect(hasReachedAge(birthdate, 13, today)).toBe(expected)
  })

  it('says of a birth on 29 February that the birthday is that day in a leap year', () => {
    expect([hasReachedAge('2008-02-29', 16, '2024-02-28'), hasReachedAge('2008-02-29', 16, '2024-02-29')]).toEqual([
      false,
      true,
    ])
  })

  it('agrees with counting completed years, whatever the dates', () => {
    fc.assert(
      fc.property(births, ages, todays, (birthdate, years, today) => {
        expect(hasReachedAge(birthdate, years, today)).toBe(yearsOld(birthdate, today) >= years)
      }),
    )
  })
})

describe('isPossibleBirthdate', () => {
  it.each([
    ['2026-11-24', true],
    ['2026-11-25', false],
    ['2027-01-01', false],
    ['1900-01-01', true],
    ['1896-11-24', true],
    ['1895-11-25', true],
    ['1895-11-24', false],
    ['1800-01-01', false],
  ])('says of %s on 2026-11-24: %s', (birthdate, expected) => {
    expect(isPossibleBirthdate(birthdate, '2026-11-24')).toBe(expected)
  })
})

describe('opensOn', () => {
  it.each([
    ['2010-06-15', '2026-07-01'],
    ['2010-06-01', '2026-06-01'],
    ['2010-06-02', '2026-07-01'],
    ['2010-06-30', '2026-07-01'],
    ['2010-12-01', '2026-12-01'],
    ['2010-12-02', '2027-01-01'],
    ['2010-09-30', '2026-10-01'],
    ['2008-02-29', '2024-03-01'],
    ['2012-02-29', '2028-03-01'],
  ])('lets somebody born on %s in at 16 from %s', (birthdate, expected) => {
    expect(opensOn(birthdate, 16)).toBe(expected)
  })

  it('lets in at 18 on 1 March who was born on 29 February', () => {
    expect(opensOn('2008-02-29', 18)).toBe('2026-03-01')
  })

  it('is the first of a month, never before the birthday and less than a month after it', () => {
    fc.assert(
      fc.property(births, ages, (birthdate, years) => {
        const opening = opensOn(birthdate, years)
        expect(opening).toMatch(/^\d{4}-(0[1-9]|1[0-2])-01$/)
        expect(hasReachedAge(birthdate, years, opening)).toBe(true)
        const monthBefore = new Date(opening)
        monthBefore.setUTCMonth(monthBefore.getUTCMonth() - 1)
        expect(hasReachedAge(birthdate, years, text(monthBefore))).toBe(false)
      }),
    )
  })

  it('is the same for everybody born after the first of one month, so that it gives no birthday away', () => {
    const days = Array.from({ length: 29 }, (_, position) => `2010-03-${String(position + 2).padStart(2, '0')}`)
    expect(new Set(days.map((day) => opensOn(day, 16)))).toEqual(new Set(['2026-04-01']))
  })
})

describe('todayInUtc', () => {
  it.each([
    ['2026-11-24T23:59:59.999Z', '2026-11-24'],
    ['2026-11-25T00:00:00.000Z', '2026-11-25'],
    ['2026-11-25T00:30:00.000+14:00', '2026-11-24'],
  ])('at %s is %s', (moment, expected) => {
    vi.useFakeTimers({ toFake: ['Date'], now: new Date(moment) })
    expect(todayInUtc()).toBe(expected)
  })
})
