import { lt, sql } from 'drizzle-orm'
import { asService, type RequestScope } from '#src/db/scope.ts'
import { usageLedger } from '#src/usage/tables.ts'

// Longer than any upstream call may take.
const lostAfterSeconds = 15 * 60

/** Gives back what was set aside for calls whose Worker died, and deletes what is older than a year. */
export async function releaseUsage(scope: RequestScope): Promise<void> {
  await asService(scope, 'jobs', 'usage', (db) => [
    db.execute(sql`select app.release_usage(${lostAfterSeconds})`),
    db.delete(usageLedger).where(lt(usageLedger.createdAt, sql`now() - interval '366 days'`)),
  ])
}
