import { momentOf } from '#src/conversations/transcripts/transcript.ts'

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']

// 2023-6-19 @14h 20m 3s 123ms, 2024-07-12@01h31m37s
const byHours = /^(\d{4})-(\d{1,2})-(\d{1,2}) ?@ ?(\d{1,2})h ?(\d{1,2})m(?: ?(\d{1,2})s)?(?: ?(\d{1,3})ms)?/
// June 19, 2023 2:20pm
const byMonth = /^([a-z]{3,9}) (\d{1,2}), (\d{4}),? (\d{1,2}):(\d{2})(?::(\d{2}))? ?([ap]m)?$/i

/**
 * A moment as SillyTavern has written it over the years: milliseconds, ISO 8601, or for people. What names no zone is taken
 * for UTC. Null for what is none.
 */
export function readSendDate(value: unknown): number | null {
  if (typeof value === 'number') return momentOf(value)
  if (typeof value !== 'string') return null
  const text = value.trim()
  if (/^\d{12,14}$/.test(text)) return momentOf(Number(text))
  if (/^\d{4}-\d{2}-\d{2}T/.test(text))
    return momentOf(Date.parse(/(Z|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text}Z`))
  return readByHours(text) ?? readByMonth(text)
}

function readByHours(text: string): number | null {
  const parts = byHours
    .exec(text)
    ?.slice(1)
    .map((part: string | undefined) => Number(part ?? 0))
  const [year, month, day, hour, minute, second, millisecond] = parts ?? []
  if (year === undefined || month === undefined) return null
  return momentOf(Date.UTC(year, month - 1, day, hour, minute, second, millisecond))
}

function readByMonth(text: string): number | null {
  const [, name = '', day, year, hour = '', minute, second = '0', half] = byMonth.exec(text) ?? []
  const month = months.indexOf(name.slice(0, 3).toLowerCase())
  if (month === -1) return null
  const hours = half === undefined ? Number(hour) : (Number(hour) % 12) + (half.toLowerCase() === 'pm' ? 12 : 0)
  return momentOf(Date.UTC(Number(year), month, Number(day), hours, Number(minute), Number(second)))
}
