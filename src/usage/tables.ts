import { sql } from 'drizzle-orm'
import { bigint, check, date, index, integer, pgTable, primaryKey, text, unique, uuid } from 'drizzle-orm/pg-core'
import { ownerColumn, ownerForeignKey } from '#src/accounts/tables.ts'
import { moment } from '#src/db/columns.ts'
import { gatePolicies, jobsPolicy, ownRowPolicies } from '#src/db/roles.ts'

/** What is counted: tokens of language models, characters that a voice spoke, seconds that were transcribed, bytes that were stored. */
export const usageKinds = ['llm_tokens', 'speech_characters', 'transcribed_seconds', 'stored_bytes'] as const
export type UsageKind = (typeof usageKinds)[number]

const isKind = sql`kind in ('llm_tokens', 'speech_characters', 'transcribed_seconds', 'stored_bytes')`

// What a provider's bill is compared with is kept for a year.
const isPast = sql`created_at < now() - interval '366 days'`

/** Each upstream call: what was set aside for it, and what it took. Without `spent` it is still out. */
export const usageLedger = pgTable(
  'usage_ledger',
  {
    id: uuid().primaryKey(),
    userId: ownerColumn(),
    day: date({ mode: 'string' }).notNull(),
    kind: text({ enum: usageKinds }).notNull(),
    reserved: integer().notNull(),
    spent: integer(),
    createdAt: moment('created_at').notNull().defaultNow(),
    settledAt: moment('settled_at'),
  },
  (table) => [
    unique('usage_ledger_id_user_id_key').on(table.id, table.userId),
    index('usage_ledger_user_id_created_at_idx').on(table.userId, table.createdAt),
    index('usage_ledger_created_at_idx').on(table.createdAt),
    index('usage_ledger_unsettled_created_at_idx')
      .on(table.createdAt)
      .where(sql`spent is null`),
    ownerForeignKey('usage_ledger', table.userId),
    check('usage_ledger_kind_check', isKind),
    check('usage_ledger_amounts_check', sql`reserved > 0 and spent >= 0`),
    check('usage_ledger_settled_at_check', sql`(spent is null) = (settled_at is null)`),
    ...ownRowPolicies('usage_ledger', ['select']),
    ...gatePolicies('usage_ledger', ['select', 'insert', 'update']),
    jobsPolicy('usage_ledger', 'select', isPast),
    jobsPolicy('usage_ledger', 'delete', isPast),
  ],
).enableRLS()

/** The sums of the ledger by person, day (UTC) and kind: what a limit is held against. */
export const usageDays = pgTable(
  'usage_days',
  {
    userId: ownerColumn(),
    day: date({ mode: 'string' }).notNull(),
    kind: text({ enum: usageKinds }).notNull(),
    reserved: bigint({ mode: 'number' }).notNull().default(0),
    spent: bigint({ mode: 'number' }).notNull().default(0),
  },
  (table) => [
    primaryKey({ name: 'usage_days_pkey', columns: [table.userId, table.day, table.kind] }),
    ownerForeignKey('usage_days', table.userId),
    check('usage_days_kind_check', isKind),
    check('usage_days_amounts_check', sql`reserved >= 0 and spent >= 0`),
    ...ownRowPolicies('usage_days', ['select']),
    ...gatePolicies('usage_days', ['select', 'insert', 'update']),
  ],
).enableRLS()
