import { and, desc, gte, lt, sql } from 'drizzle-orm'
import { z } from 'zod'
import { auditLog } from '#src/audit/tables.ts'
import { EventDetails, type SecurityEvent, type SecurityLog } from '#src/auth/shapes.ts'
import { asUser, type Caller, type Db } from '#src/db/scope.ts'
import { pageFrom, readPosition, type PageQuery } from '#src/http/page.ts'

const After = z.strictObject({ seq: z.int() })

const Chain = z.object({
  chain_id: z.uuid(),
  head_seq: z.coerce.number(),
  head_hash: z.instanceof(Uint8Array),
  broken_at: z.coerce.number().nullable(),
})

/** Every account has a chain from its registration on: none is as broken as one without a first entry. */
const noChain = { id: null, entries: 0, head_hash: '00'.repeat(32), broken_at: 1 }

/** What happened to the caller's account, newest first, and whether the newest 500 entries of it hold together. */
export async function getSecurityLog(caller: Caller, { limit, cursor }: PageQuery): Promise<SecurityLog> {
  const position = await readPosition(caller, 'security-log', After, cursor)
  const [page, chain] = await asUser(caller, (db) => [
    selectEvents(db, position.after?.seq, limit + 1),
    db.execute(sql`select * from app.own_chain()`),
  ])
  position.check()
  const { rows, next_cursor } = await pageFrom(caller, 'security-log', limit, page, (last) => ({ seq: last.seq }))
  return { items: rows.map(eventFrom), next_cursor, chain: chainFrom(chain.rows) }
}

function chainFrom(rows: readonly unknown[]): SecurityLog['chain'] {
  const [chain] = z.array(Chain).parse(rows)
  if (chain === undefined) return noChain
  return {
    id: chain.chain_id,
    entries: chain.head_seq,
    head_hash: chain.head_hash.toHex(),
    broken_at: chain.broken_at,
  }
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
    .where(and(gte(auditLog.seq, 1), before === undefined ? undefined : lt(auditLog.seq, before)))
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
