import { desc, lt, sql } from 'drizzle-orm'
import { z } from 'zod'
import { auditLog } from '#src/audit/tables.ts'
import { EventDetails, type SecurityEvent, type SecurityLog } from '#src/auth/shapes.ts'
import { rowOf } from '#src/db/rows.ts'
import { asUser, type Caller, type Db } from '#src/db/scope.ts'
import { pageFrom, readPosition, type PageQuery } from '#src/http/page.ts'

const After = z.strictObject({ seq: z.int() })

const Chain = z.object({
  chain_id: z.uuid(),
  head_seq: z.coerce.number(),
  head_hash: z.instanceof(Uint8Array),
  broken_at: z.coerce.number().nullable(),
})

/** What happened to the caller's account, newest first, and whether the newest 500 entries of it hold together. */
export async function getSecurityLog(caller: Caller, { limit, cursor }: PageQuery): Promise<SecurityLog> {
  const position = await readPosition(caller, 'security-log', After, cursor)
  const [page, chain] = await asUser(caller, (db) => [
    selectEvents(db, position.after?.seq, limit + 1),
    db.execute(sql`select * from app.own_chain()`),
  ])
  position.check()
  const { rows, next_cursor } = await pageFrom(caller, 'security-log', limit, page, (last) => ({ seq: last.seq }))
  const { chain_id: id, head_seq: entries, head_hash: headHash, broken_at } = rowOf(Chain, chain)
  return { items: rows.map(eventFrom), next_cursor, chain: { id, entries, head_hash: headHash.toHex(), broken_at } }
}

const selectEvents = (db: Db, before: number | undefined, limit: number) =>
  db
    .select({
      seq: auditLog.seq,
      action: auditLog.action,
      target: auditLog.target,
      details: auditLog.details,
      requestId: auditLog.requestId,
      occurredAt: auditLog.occurredAt,
      hash: auditLog.hash,
    })
    .from(auditLog)
    .where(before === undefined ? undefined : lt(auditLog.seq, before))
    .orderBy(desc(auditLog.seq))
    .limit(limit)

function eventFrom(row: Awaited<ReturnType<typeof selectEvents>>[number]): SecurityEvent {
  return {
    seq: row.seq,
    action: row.action,
    target: row.target,
    details: EventDetails.parse(row.details),
    request_id: row.requestId,
    occurred_at: row.occurredAt.toISOString(),
    hash: row.hash.toHex(),
  }
}
