import { and, eq, sql } from 'drizzle-orm'
import { turns } from '#src/conversations/tables.ts'
import { found } from '#src/db/rows.ts'
import { asUser, type Caller } from '#src/db/scope.ts'

/** Asks whoever answers a turn to end it with what was said; one that has ended stays as it is. Throws `not_found`. */
export async function stopTurn(caller: Caller, conversationId: string, turnId: string): Promise<void> {
  const [rows] = await asUser(caller, (db) => [
    db
      .update(turns)
      .set({ stopRequestedAt: sql`coalesce(${turns.stopRequestedAt}, now())` })
      .where(and(eq(turns.id, turnId), eq(turns.conversationId, conversationId)))
      .returning({ id: turns.id }),
  ])
  found(rows)
}
