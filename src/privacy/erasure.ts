import { sql } from 'drizzle-orm'
import { v7 as uuidv7 } from 'uuid'
import { z } from 'zod'
import { recordEvent } from '#src/audit/record-event.ts'
import { found } from '#src/db/rows.ts'
import { asService, asUser, asVisitor, sessionOf, type Caller, type RequestScope } from '#src/db/scope.ts'
import { describeFailure } from '#src/http/log.ts'
import { personalData } from '#src/privacy/personal-data.ts'
import { forgetDataKeys } from '#src/vault/open-vault.ts'
import type { Erasure, ErasureReceipt } from '#src/privacy/shapes.ts'

/**
 * Ends the caller's account: every session dies at once, then blobs and rows go. Where a store fails, the answer is the
 * same and the scheduled sweep finishes the work.
 *
 * Two flights: no transaction is open while the stores work, and rows go last, so that nothing is lost sight of.
 */
export async function eraseAccount(caller: Caller): Promise<ErasureReceipt> {
  const erasureId = uuidv7()
  await asUser(caller, (db) => [
    db.execute(sql`select app.begin_erasure(${erasureId})`),
    recordEvent(db, caller, { action: 'account.erasure_requested', target: `erasure:${erasureId}` }),
  ])
  forgetDataKeys(caller.tokenHash)
  await finishErasure(caller, { erasureId, userId: sessionOf(caller).userId }).catch((error: unknown) =>
    caller.report({ event: 'erasure_left_to_the_sweep', ...describeFailure(error) }),
  )
  return { erasure_id: erasureId, status_url: `${caller.config.PUBLIC_ORIGIN ?? ''}/erasures/${erasureId}` }
}

interface PendingErasure {
  readonly erasureId: string
  readonly userId: string
}

const NewLine = z.object({ cache_key: z.instanceof(Uint8Array) })

/** Deletes a leaving person's blobs and then their rows. It may run again after it was cut short. */
async function finishErasure(scope: RequestScope, { erasureId, userId }: PendingErasure): Promise<void> {
  for (const { eraseBlobs } of personalData) await eraseBlobs?.(scope.config, userId)
  const [answer] = await asService(scope, 'jobs', 'erasure', (db) => [
    db.execute(sql`select cache_key from app.finish_erasure(${erasureId})`),
  ])
  const cacheKeys = z
    .array(NewLine)
    .parse(answer.rows)
    .map((row) => row.cache_key)
  for (const { eraseNewBlobs } of personalData) await eraseNewBlobs?.(scope.config, userId, cacheKeys)
}

const Pending = z.array(z.object({ erasure_id: z.uuid(), user_id: z.uuid() }))

/** Finishes the erasures that a request could not. Each is on its own: one that fails is tried again another time. */
export async function finishPendingErasures(scope: RequestScope): Promise<void> {
  const [answer] = await asService(scope, 'jobs', 'erasure sweep', (db) => [
    db.execute(sql`select erasure_id, user_id from app.pending_erasures()`),
  ])
  for (const row of Pending.parse(answer.rows)) {
    await finishErasure(scope, { erasureId: row.erasure_id, userId: row.user_id }).catch((error: unknown) =>
      scope.report({ event: 'erasure_not_finished', ...describeFailure(error) }),
    )
  }
}

const ErasureRow = z.object({ requested_at: z.coerce.date(), completed_at: z.coerce.date().nullable() })

/** How far an erasure has come, for whoever holds its id. Throws `not_found`. */
export async function getErasure(scope: RequestScope, id: string): Promise<Erasure> {
  const [answer] = await asVisitor(scope, (db) => [db.execute(sql`select * from app.find_erasure(${id})`)])
  const row = ErasureRow.parse(found(answer.rows))
  return {
    id,
    state: row.completed_at === null ? 'running' : 'complete',
    requested_at: row.requested_at.toISOString(),
    completed_at: row.completed_at?.toISOString() ?? null,
  }
}
