import { sql } from 'drizzle-orm'
import { v7 as uuidv7 } from 'uuid'
import { z } from 'zod'
import { recordEvent } from '#src/audit/record-event.ts'
import { found, rowOf } from '#src/db/rows.ts'
import { asService, asUser, asVisitor, sessionOf, type Caller, type RequestScope } from '#src/db/scope.ts'
import { describeFailure } from '#src/http/log.ts'
import { personalData } from '#src/privacy/personal-data.ts'
import { forgetDataKeys } from '#src/vault/open-vault.ts'
import { voiceData } from '#src/voice/tables.ts'
import type { Erasure, ErasureReceipt } from '#src/privacy/shapes.ts'

/**
 * Ends the caller's account: every session dies at once, then blobs and rows go. Where a store fails, the answer is the
 * same and the scheduled sweep finishes the work.
 *
 * Four flights: no transaction is open while the stores work, and the receipt keeps whose it is until both are empty.
 */
export async function eraseAccount(caller: Caller): Promise<ErasureReceipt> {
  const erasureId = uuidv7()
  const [audio] = await asUser(caller, (db) => [
    db.select({ id: voiceData.id }).from(voiceData).limit(1),
    db.execute(sql`select app.begin_erasure(${erasureId})`),
    recordEvent(db, caller, { action: 'account.erasure_requested', target: `erasure:${erasureId}` }),
  ])
  const { userId } = sessionOf(caller)
  forgetDataKeys(userId)
  await finishErasure(caller, { erasureId, userId, hasAudio: audio.length > 0 }).catch((error: unknown) =>
    caller.report({ event: 'erasure_left_to_the_sweep', ...describeFailure(error) }),
  )
  return { erasure_id: erasureId, status_url: `${caller.config.PUBLIC_ORIGIN ?? ''}/erasures/${erasureId}` }
}

interface PendingErasure {
  readonly erasureId: string
  readonly userId: string
  readonly hasAudio: boolean
}

const Erased = z.object({ cache_keys: z.array(z.instanceof(Uint8Array)).nullable() })

/**
 * Deletes a leaving person's blobs, then their rows, then what the stores did not show before. Each step may run again
 * after it was cut short, and only the last one says that the erasure is complete.
 */
async function finishErasure(scope: RequestScope, { erasureId, userId, hasAudio }: PendingErasure): Promise<void> {
  const deleted = new Set<string>()
  for (const { eraseBlobs } of personalData) {
    for (const name of (await eraseBlobs?.(scope.config, userId, hasAudio)) ?? []) deleted.add(name)
  }
  const released = await Promise.all(personalData.map(async ({ release }) => await release?.(scope, userId)))
  const [, answer] = await asService(scope, 'jobs', 'erasure', (db) => [
    db.execute(sql`select ${sql.join([sql`1`, ...released.flatMap((one) => one ?? [])], sql`, `)}`),
    db.execute(sql`select app.erase_rows(${erasureId}) as cache_keys`),
  ])
  const missed = { cacheKeys: rowOf(Erased, answer).cache_keys ?? [], deleted }
  for (const { eraseNewBlobs } of personalData) await eraseNewBlobs?.(scope.config, userId, missed)
  await asService(scope, 'jobs', 'erasure', (db) => [db.execute(sql`select app.complete_erasure(${erasureId})`)])
}

const Pending = z.array(z.object({ erasure_id: z.uuid(), user_id: z.uuid(), has_audio: z.boolean() }))

/** Finishes the erasures that a request could not. Each is on its own: one that fails is tried again another time. */
export async function finishPendingErasures(scope: RequestScope): Promise<void> {
  const [answer] = await asService(scope, 'jobs', 'erasure sweep', (db) => [
    db.execute(sql`select erasure_id, user_id, has_audio from app.pending_erasures()`),
  ])
  for (const { erasure_id: erasureId, user_id: userId, has_audio: hasAudio } of Pending.parse(answer.rows)) {
    await finishErasure(scope, { erasureId, userId, hasAudio }).catch((error: unknown) =>
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
