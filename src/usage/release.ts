import { lt, sql } from 'drizzle-orm'
import { asService, type RequestScope } from '#src/db/scope.ts'
import { usageLedger } from '#src/usage/tables.ts'

/** Gives back what was set aside for calls whose Worker died, and deletes what is older than a year. */
export async function releaseUsage(scope: RequestScope): Promise<void> {
  const { LLM_FALLBACKS: others, LLM_FIRST_TOKEN_MS: firstMs, LLM_REPLY_MS: replyMs } = scope.config
  // Longer than any upstream call may take.
  const lostAfterSeconds = Math.ceil((firstMs * (others.length + 1) + replyMs) / 1_000) + 10 * 60
  await asService(scope, 'jobs', 'usage', (db) => [
    db.execute(sql`select app.release_usage(${lostAfterSeconds})`),
    db.delete(usageLedger).where(lt(usageLedger.createdAt, sql`now() - interval '366 days'`)),
  ])
}
