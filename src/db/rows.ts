import type { QueryResult } from 'pg'
import type * as z from 'zod'
import { Problem } from '#src/http/problem.ts'

/** The only row of an answer, parsed. Throws when there is none or it has another shape: that is a bug of ours. */
export function rowOf<T extends z.ZodType>(schema: T, answer: QueryResult | undefined): z.output<T> {
  return schema.parse(answer?.rows[0])
}

/** The only row that a statement returned. Throws when there is none: the statement was to make or find exactly one. */
export function only<T>(rows: readonly T[]): T {
  const row = rows[0]
  if (row === undefined) throw new Error('a statement returned no row')
  return row
}

/** The row that a client asked for. Throws `not_found` when row-level security or absence left none. */
export function found<T>(rows: readonly T[]): T {
  const row = rows[0]
  if (row === undefined) throw new Problem('not_found')
  return row
}
