/** A calendar date, `YYYY-MM-DD`. */
type CalendarDate = string

/** Today by UTC, the one clock that every age is judged by. */
export const todayInUtc = (): CalendarDate => new Date().toISOString().slice(0, 10)

/**
 * Whether somebody has reached an age on a day. Who was born on 29 February has their birthday on 1 March of a common
 * year.
 */
export function hasReachedAge(birthdate: CalendarDate, years: number, today: CalendarDate): boolean {
  return birthday(birthdate, years) <= today
}

/** Whether a date of birth can be anybody's: not in the future, and not more than 130 years ago. */
export function isPossibleBirthdate(birthdate: CalendarDate, today: CalendarDate): boolean {
  return birthdate <= today && !hasReachedAge(birthdate, 131, today)
}

/**
 * The first day of the month after an age is reached (or that day, if it is the first): enough to open a rating by, and
 * too coarse to give the birthday away.
 */
export function opensOn(birthdate: CalendarDate, years: number): CalendarDate {
  const reached = birthday(birthdate, years)
  if (reached.endsWith('-01')) return reached
  const year = Number(reached.slice(0, 4))
  const month = Number(reached.slice(5, 7))
  return month === 12 ? `${year + 1}-01-01` : `${year}-${String(month + 1).padStart(2, '0')}-01`
}

// Dates of this form compare as text, and 29 February of a common year sorts just before 1 March: no calendar is needed.
const birthday = (birthdate: CalendarDate, years: number): CalendarDate =>
  `${Number(birthdate.slice(0, 4)) + years}${birthdate.slice(4)}`
