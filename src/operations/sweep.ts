import { lt, and, eq, sql } from 'drizzle-orm'
import { loginTickets, userSessions } from '#src/auth/tables.ts'
import { turns } from '#src/conversations/tables.ts'
import { asService, type RequestScope } from '#src/db/scope.ts'
import { idempotencyKeys } from '#src/http/tables.ts'
import { finishPendingErasures } from '#src/privacy/erasure.ts'

/** Ends what is stuck and deletes what has expired; the scheduled event runs it. Every part of it may run twice. */
export async function sweep(scope: RequestScope): Promise<void> {
  await asService(scope, 'jobs', 'sweep', (db) => [
    db
      .update(turns)
      .set({ state: 'interrupted', endedAt: sql`now()` })
      .where(and(eq(turns.state, 'streaming'), lt(turns.startedAt, sql`now() - interval '10 minutes'`))),
    db.delete(userSessions).where(lt(userSessions.absoluteExpiresAt, sql`now()`)),
    db.delete(loginTickets).where(lt(loginTickets.expiresAt, sql`now()`)),
    db.delete(idempotencyKeys).where(lt(idempotencyKeys.expiresAt, sql`now()`)),
  ])
  await finishPendingErasures(scope)
}
