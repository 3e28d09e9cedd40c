import { and, asc, sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Config } from '#src/config.ts'
import { changedAfter, conversationFrom } from '#src/conversations/conversations.ts'
import type { Sync, SyncQuery } from '#src/conversations/shapes.ts'
import { conversationDeletions, conversations } from '#src/conversations/tables.ts'
import { only } from '#src/db/rows.ts'
import { asUser, sessionOf, type Caller } from '#src/db/scope.ts'
import { Problem } from '#src/http/problem.ts'
import { openVault } from '#src/vault/open-vault.ts'
import { issueSealedToken, readSealedToken } from '#src/vault/sealed-token.ts'

// What is gone is kept for 90 days: whoever asks later begins anew.
const lifetimeSeconds = 80 * 86_400

/**
 * A transaction is stamped when it begins and seen when it ends: what began so many seconds before somebody asks may not be
 * there yet. It is told again the next time, and no transaction takes longer.
 */
const overlapSeconds = ({ DATABASE_DEADLINE_MS: deadlineMs }: Config) =>
  Math.max(30, Math.ceil((2 * deadlineMs) / 1_000))

const mostDeletions = 1_000
const beginning = { at: new Date(0), id: '00000000-0000-0000-0000-000000000000' }

/** Up to where a device knows everything, and in between the pages of one pass where the pass began. */
const Position = z.strictObject({
  user: z.uuid(),
  at: z.coerce.date(),
  id: z.uuid(),
  deleted_at: z.coerce.date(),
  gone_id: z.uuid(),
  began_at: z.coerce.date().optional(),
})
type Position = z.output<typeof Position>

/**
 * What has changed of the caller's conversations since a device asked last, oldest first, and which are gone: everything
 * where it has not asked before. Each comes at least once, some twice. Throws `invalid_cursor`: the device begins anew.
 */
export async function syncConversations(caller: Caller, { after, limit }: SyncQuery): Promise<Sync> {
  const from = after === undefined ? undefined : await readSealedToken(caller.config, 'sync', Position, after)
  if (after !== undefined && from === undefined) throw new Problem('invalid_cursor')
  const { at, id } = from ?? beginning
  const [[now], changed, gone] = await asUser(caller, (db) => [
    db
      .select({ at: sql<string>`to_json(now() - make_interval(secs => ${overlapSeconds(caller.config)})) #>> '{}'` })
      .from(sql`(select) _`),
    changedAfter(db, at, id, limit + 1),
    db
      .select({ id: conversationDeletions.goneId, at: conversationDeletions.deletedAt })
      .from(conversationDeletions)
      .where(
        and(
          from === undefined
            ? sql`false`
            : sql`(${conversationDeletions.deletedAt}, ${conversationDeletions.goneId})
                > (${from.deleted_at.toISOString()}::timestamptz, ${from.gone_id}::uuid)`,
          sql`not exists (select from ${conversations} where ${conversations.id} = ${conversationDeletions.goneId})`,
        ),
      )
      .orderBy(asc(conversationDeletions.deletedAt), asc(conversationDeletions.goneId))
      .limit(mostDeletions),
  ])
  const { userId } = sessionOf(caller)
  if (from !== undefined && from.user !== userId) throw new Problem('invalid_cursor')
  const safe = new Date(only([now].flatMap((one) => one ?? [])).at)
  const rows = changed.slice(0, limit)
  const next = positionAfter({ userId, from, safe, rows, hasMore: changed.length > limit, gone })
  const vault = await openVault(caller)
  return {
    conversations: await Promise.all(rows.map(async (row) => await conversationFrom(vault, row))),
    deleted_ids: [...new Set(gone.map((one) => one.id))],
    next: await issueSealedToken(caller.config, 'sync', next, lifetimeSeconds),
    has_more: next.began_at !== undefined,
  }
}

interface Pass {
  readonly userId: string
  readonly from: Position | undefined
  /** What began before this moment has ended. */
  readonly safe: Date
  readonly rows: readonly { readonly updatedAt: Date; readonly id: string }[]
  readonly hasMore: boolean
  readonly gone: readonly { readonly at: Date; readonly id: string }[]
}

function positionAfter({ userId, from, safe, rows, hasMore, gone }: Pass): Position {
  const beganAt = from?.began_at ?? safe
  const lastGone = gone.length === mostDeletions ? gone.at(-1) : undefined
  const deletions =
    lastGone === undefined
      ? { deleted_at: earlier(beganAt, safe), gone_id: beginning.id }
      : { deleted_at: lastGone.at, gone_id: lastGone.id }
  const last = hasMore ? rows.at(-1) : undefined
  const place = last === undefined ? { at: beganAt, id: beginning.id } : { at: last.updatedAt, id: last.id }
  const isOver = last === undefined && lastGone === undefined
  return { user: userId, ...place, ...deletions, ...(isOver ? {} : { began_at: beganAt }) }
}

const earlier = (one: Date, two: Date) => (one < two ? one : two)
