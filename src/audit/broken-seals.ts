import { sql } from 'drizzle-orm'
import { apart } from '#src/audit/apart.ts'
import { asUser, type Caller } from '#src/db/scope.ts'
import { describeFailure } from '#src/http/log.ts'

interface Cell {
  readonly table: string
  readonly column: string
  readonly rowId: string
}

const gatheringMs = 20

/**
 * A listener for cells that could not be opened while a request is answered. It logs each at once, and writes those of
 * about the same moment to the person's chain in one flight beside the answer; a cell that an entry names already is not
 * written again.
 */
export function reportBrokenSeals(caller: Caller): (cell: Cell) => void {
  let waiting: string[] = []
  const write = async () => {
    await new Promise((resolve) => setTimeout(resolve, gatheringMs))
    const targets = sql.param(waiting)
    waiting = []
    await asUser(apart(caller), (db) => [
      db.execute(sql`select app.record_broken_seals(${targets}::text[], ${caller.requestId})`),
    ]).catch((error: unknown) => caller.report({ event: 'seals_not_recorded', ...describeFailure(error) }))
  }
  // No entry names its person, so that it may stay when they go.
  return ({ table, column, rowId }) => {
    caller.report({ event: 'seal_broken', table, column, row_id: rowId })
    waiting.push(`${table}.${column}:${table === 'users' ? 'self' : rowId}`)
    if (waiting.length === 1) caller.defer(write())
  }
}
