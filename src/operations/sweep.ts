import { lt, and, eq, sql } from 'drizzle-orm'
import { loginTickets, userSessions } from '#src/auth/tables.ts'
import { turns } from '#src/conversations/tables.ts'
import { asService, type Db, type RequestScope } from '#src/db/scope.ts'
import { describeFailure } from '#src/http/log.ts'
import { idempotencyKeys } from '#src/http/tables.ts'
import { finishPendingErasures } from '#src/privacy/erasure.ts'

const endStuckTurns = (db: Db) =>
  db
    .update(turns)
    .set({ state: 'interrupted', endedAt: sql`now()` })
    .where(and(eq(turns.state, 'streaming'), lt(turns.startedAt, sql`now() - interval '10 minutes'`)))

const deleteSessions = (db: Db) => db.delete(userSessions).where(lt(userSessions.absoluteExpiresAt, sql`now()`))
const deleteTickets = (db: Db) => db.delete(loginTickets).where(lt(loginTickets.expiresAt, sql`now()`))
const deleteKeys = (db: Db) => db.delete(idempotencyKeys).where(lt(idempotencyKeys.expiresAt, sql`now()`))

/**
 * Ends what is stuck and deletes what has expired; the scheduled event runs it. Every part may run twice, and one that
 * fails is reported and keeps none of the others from its work.
 */
export async function sweep(scope: RequestScope): Promise<void> {
  const parts: readonly (readonly [string, () => Promise<unknown>])[] = [
    ['erasures', async () => await finishPendingErasures(scope)],
    ['turns', async () => await asService(scope, 'jobs', 'sweep', (db) => [endStuckTurns(db)])],
    ['sessions', async () => await asService(scope, 'jobs', 'sweep', (db) => [deleteSessions(db)])],
    ['tickets', async () => await asService(scope, 'jobs', 'sweep', (db) => [deleteTickets(db)])],
    ['keys', async () => await asService(scope, 'jobs', 'sweep', (db) => [deleteKeys(db)])],
  ]
  for (const [part, run] of parts) {
    await run().catch((error: unknown) => scope.report({ event: 'sweep_failed', part, ...describeFailure(error) }))
  }
}
