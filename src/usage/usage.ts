import { gt, sql } from 'drizzle-orm'
import { asUser, type Caller } from '#src/db/scope.ts'
import { limitsOf } from '#src/usage/quota.ts'
import type { Usage, UsageQuery } from '#src/usage/shapes.ts'
import { usageDays, type UsageKind } from '#src/usage/tables.ts'

/** What the caller used today and on the days before, those with nothing left out; newest first. */
export async function getUsage(caller: Caller, { days }: UsageQuery): Promise<Usage> {
  const [[now], rows] = await asUser(caller, (db) => [
    db
      .select({ day: sql<string>`${today}::text`, resetsAt: sql<string>`to_json(${tomorrow}) #>> '{}'` })
      .from(sql`(select) _`),
    db
      .select()
      .from(usageDays)
      .where(gt(usageDays.day, sql`${today} - ${days}::int`))
      .orderBy(sql`${usageDays.day} desc`),
  ])
  if (now === undefined) throw new Error('PostgreSQL did not say which day it is')
  const limits = limitsOf(caller.config)
  const amountsOf = (kind: UsageKind) => {
    const row = rows.find((one) => one.day === now.day && one.kind === kind)
    return { spent: row?.spent ?? 0, reserved: row?.reserved ?? 0, limit: limits[kind] }
  }
  const spentOn = (day: string, kind: UsageKind) => rows.find((one) => one.day === day && one.kind === kind)?.spent ?? 0
  const usedOn = (day: string) => ({ day, ...byKind((kind) => spentOn(day, kind)) })
  return {
    day: now.day,
    resets_at: new Date(now.resetsAt).toISOString(),
    ...byKind(amountsOf),
    days: [...new Set(rows.map(({ day }) => day))].map(usedOn),
  }
}

const today = sql`(now() at time zone 'utc')::date`
const tomorrow = sql`((${today} + 1) at time zone 'utc')`

const byKind = <T>(valueOf: (kind: UsageKind) => T): Record<UsageKind, T> => ({
  llm_tokens: valueOf('llm_tokens'),
  speech_characters: valueOf('speech_characters'),
  stored_bytes: valueOf('stored_bytes'),
})
