import { gt, sql } from 'drizzle-orm'
import type { Config } from '#src/config.ts'
import { asUser, type Caller } from '#src/db/scope.ts'
import { limitsOf } from '#src/usage/quota.ts'
import type { Usage, UsageQuery } from '#src/usage/shapes.ts'
import { usageDays, type UsageKind } from '#src/usage/tables.ts'
import { speechHits } from '#src/voice/tables.ts'

/** What the caller used today and on the days before, those with nothing left out; newest first. */
export async function getUsage(caller: Caller, { days }: UsageQuery): Promise<Usage> {
  const [[now], rows, heard] = await asUser(caller, (db) => [
    db
      .select({ day: sql<string>`${today}::text`, resetsAt: sql<string>`to_json(${tomorrow}) #>> '{}'` })
      .from(sql`(select) _`),
    db
      .select()
      .from(usageDays)
      .where(gt(usageDays.day, sql`${today} - ${days}::int`))
      .orderBy(sql`${usageDays.day} desc`),
    db
      .select()
      .from(speechHits)
      .where(gt(speechHits.day, sql`${today} - ${days}::int`)),
  ])
  if (now === undefined) throw new Error('PostgreSQL did not say which day it is')
  const limits = limitsOf(caller.config)
  const amountsOf = (kind: UsageKind) => {
    const row = rows.find((one) => one.day === now.day && one.kind === kind)
    return { spent: row?.spent ?? 0, reserved: row?.reserved ?? 0, limit: limits[kind] }
  }
  const spentOn = (day: string, kind: UsageKind) => rows.find((one) => one.day === day && one.kind === kind)?.spent ?? 0
  const hitsOn = (day: string) => heard.find((one) => one.day === day)?.hits ?? 0
  const usedOn = (day: string) => ({ day, ...byKind((kind) => spentOn(day, kind)), speech_cache_hits: hitsOn(day) })
  const listed = new Set([...rows, ...heard].map(({ day }) => day))
  return {
    day: now.day,
    resets_at: new Date(now.resetsAt).toISOString(),
    ...byKind(amountsOf),
    speech_cache: cacheOf(caller.config, heard),
    days: [...listed].toSorted((one, other) => other.localeCompare(one)).map(usedOn),
  }
}

function cacheOf(
  { SPEECH_USD_PER_MILLION: usdPerMillion }: Config,
  heard: readonly { hits: number; characters: number }[],
): Usage['speech_cache'] {
  const hits = heard.reduce((sum, one) => sum + one.hits, 0)
  const characters = heard.reduce((sum, one) => sum + one.characters, 0)
  const saved_usd = usdPerMillion === undefined ? null : (characters * usdPerMillion) / 1_000_000
  return { hits, characters, saved_usd }
}

const today = sql`(now() at time zone 'utc')::date`
const tomorrow = sql`((${today} + 1) at time zone 'utc')`

const byKind = <T>(valueOf: (kind: UsageKind) => T): Record<UsageKind, T> => ({
  llm_tokens: valueOf('llm_tokens'),
  speech_characters: valueOf('speech_characters'),
  transcribed_seconds: valueOf('transcribed_seconds'),
  stored_bytes: valueOf('stored_bytes'),
})
