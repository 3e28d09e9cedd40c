import { sql } from 'drizzle-orm'
import type { Config } from '#src/config.ts'
import type { Db } from '#src/db/scope.ts'
import type { UsageKind } from '#src/usage/tables.ts'

/** How much of each kind a person may use in a day (UTC). */
export function limitsOf(config: Config): Readonly<Record<UsageKind, number>> {
  return {
    llm_tokens: config.DAILY_LLM_TOKENS,
    speech_characters: config.DAILY_SPEECH_CHARACTERS,
    transcribed_seconds: config.DAILY_TRANSCRIBED_SECONDS,
    stored_bytes: config.DAILY_STORED_BYTES,
  }
}

/** What is set aside for an upstream call; `id` names it, so that flown again it is set aside once. */
export interface Reservation {
  readonly id: string
  readonly kind: UsageKind
  readonly amount: number
}

/** Sets it aside before the call is made; the flight fails with `quota_exceeded` where the day's limit has no room for it. */
export const reserveUsage = (db: Db, config: Config, { id, kind, amount }: Reservation) =>
  db.execute(sql`select app.reserve_usage(${id}, ${kind}, ${amount}, ${limitsOf(config)[kind]})`)

/** Says what the call took: 0 where it failed. */
export const settleUsage = (db: Db, id: string, amount: number) =>
  db.execute(sql`select app.settle_usage(${id}, ${amount})`)
