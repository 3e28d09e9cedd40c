import { lt, sql } from 'drizzle-orm'
import { anchorHeads } from '#src/audit/anchors.ts'
import { revokeDueGrants } from '#src/auth/revocations.ts'
import { loginTickets, userSessions } from '#src/auth/tables.ts'
import { endStuckTurns } from '#src/conversations/end-stuck-turns.ts'
import { conversationDeletions, conversations } from '#src/conversations/tables.ts'
import { asService, type Db, type RequestScope } from '#src/db/scope.ts'
import { describeFailure } from '#src/http/log.ts'
import { idempotencyKeys } from '#src/http/tables.ts'
import { rewrapDataKeys } from '#src/privacy/rewrap-data-keys.ts'
import { finishPendingErasures } from '#src/privacy/erasure.ts'
import { releaseUsage } from '#src/usage/release.ts'
import { evictAudio } from '#src/voice/evict-audio.ts'

const deleteSessions = (db: Db) => db.delete(userSessions).where(lt(userSessions.absoluteExpiresAt, sql`now()`))
const deleteTickets = (db: Db) => db.delete(loginTickets).where(lt(loginTickets.expiresAt, sql`now()`))
const deleteKeys = (db: Db) => db.delete(idempotencyKeys).where(lt(idempotencyKeys.expiresAt, sql`now()`))

const deleteTemporary = (db: Db) =>
  db.delete(conversations).where(sql`is_temporary and ${conversations.createdAt} < now() - interval '1 day'`)

const deleteDeletions = (db: Db) =>
  db.delete(conversationDeletions).where(sql`${conversationDeletions.deletedAt} < now() - interval '90 days'`)

const dropFrozen = (db: Db) => db.execute(sql`select app.drop_frozen_personas(1000)`)

type Part = readonly [name: string, run: (scope: RequestScope) => Promise<unknown>]

/** Ends what is stuck and deletes what has expired. Each part may run twice. */
const sweep: readonly Part[] = [
  ['erasures', finishPendingErasures],
  ['turns', endStuckTurns],
  ['temporary conversations', async (scope) => await asService(scope, 'jobs', 'sweep', (db) => [deleteTemporary(db)])],
  ['frozen companions', async (scope) => await asService(scope, 'jobs', 'sweep', (db) => [dropFrozen(db)])],
  ['deletions', async (scope) => await asService(scope, 'jobs', 'sweep', (db) => [deleteDeletions(db)])],
  ['sessions', async (scope) => await asService(scope, 'jobs', 'sweep', (db) => [deleteSessions(db)])],
  ['tickets', async (scope) => await asService(scope, 'jobs', 'sweep', (db) => [deleteTickets(db)])],
  ['idempotency keys', async (scope) => await asService(scope, 'jobs', 'sweep', (db) => [deleteKeys(db)])],
  ['data keys', rewrapDataKeys],
  // Whatever provider is down holds nothing else up.
  ['grants', revokeDueGrants],
  ['usage', releaseUsage],
  ['audio', evictAudio],
]

const daily: readonly Part[] = [['anchors', anchorHeads]]

/** The daily one of `triggers.crons` in wrangler.toml. */
const dailyCron = '17 3 * * *'

/** What the scheduled events do. A part that fails is reported and keeps none of the others from its work. */
export async function runScheduled(scope: RequestScope, cron: string): Promise<void> {
  for (const [part, run] of cron === dailyCron ? daily : sweep) {
    await run(scope).catch((error: unknown) =>
      scope.report({ event: 'scheduled_part_failed', part, ...describeFailure(error) }),
    )
  }
}
