import { sql } from 'drizzle-orm'
import {
  bigint,
  check,
  foreignKey,
  index,
  jsonb,
  pgPolicy,
  pgTable,
  primaryKey,
  text,
  unique,
  uuid,
} from 'drizzle-orm/pg-core'
import { users } from '#src/accounts/tables.ts'
import { bytes, moment, type JsonObject } from '#src/db/columns.ts'
import { gatePolicies, isOwnRow, userRole } from '#src/db/roles.ts'

/** Whose chain an entry is on, and its head. Erasure cuts the link to the person; the chain stays, under its random name. */
export const auditChains = pgTable(
  'audit_chains',
  {
    chainId: uuid('chain_id')
      .primaryKey()
      .default(sql`gen_random_uuid()`),
    /** Null for the service's own chain, and for those of people who have left. */
    userId: uuid('user_id'),
    headSeq: bigint('head_seq', { mode: 'number' }).notNull().default(0),
    headHash: bytes('head_hash')
      .notNull()
      .default(sql`decode(repeat('00', 32), 'hex')`),
    anchoredSeq: bigint('anchored_seq', { mode: 'number' }).notNull().default(0),
  },
  (table) => [
    unique('audit_chains_user_id_key').on(table.userId),
    foreignKey({ name: 'audit_chains_user_id_fkey', columns: [table.userId], foreignColumns: [users.id] }).onDelete(
      'set null',
    ),
    index('audit_chains_unanchored_idx')
      .on(table.chainId)
      .where(sql`anchored_seq < head_seq`),
    check('audit_chains_anchored_seq_check', sql`anchored_seq between 0 and head_seq`),
    pgPolicy('audit_chains_user_select', { for: 'select', to: userRole, using: isOwnRow }),
    ...gatePolicies('audit_chains', ['select', 'insert', 'update']),
  ],
).enableRLS()

// The sub-select runs under the person's own policy, once for each statement.
const isOwnChain = sql`chain_id = (select c.chain_id from public.audit_chains c where c.user_id = (select app.current_user_id()))`

/** What happened. Insert-only for every role; each entry holds the hash of the one before it. */
export const auditLog = pgTable(
  'audit_log',
  {
    chainId: uuid('chain_id').notNull(),
    seq: bigint({ mode: 'number' }).notNull(),
    action: text().notNull(),
    target: text(),
    details: jsonb().$type<JsonObject>().notNull().default({}),
    requestId: uuid('request_id'),
    occurredAt: moment('occurred_at').notNull(),
    previousHash: bytes('previous_hash').notNull(),
    hash: bytes().notNull(),
  },
  (table) => [
    primaryKey({ name: 'audit_log_pkey', columns: [table.chainId, table.seq] }),
    foreignKey({
      name: 'audit_log_chain_id_fkey',
      columns: [table.chainId],
      foreignColumns: [auditChains.chainId],
    }).onDelete('restrict'),
    check('audit_log_seq_check', sql`seq >= 1`),
    // Entries come in the order of their times, so that an index of page ranges finds a day's at next to no cost.
    index('audit_log_occurred_at_idx').using('brin', table.occurredAt),
    // What is written once: whether it is there already is asked for each.
    index('audit_log_once_idx')
      .on(table.chainId, table.target, table.details)
      .where(sql`action in ('seal.broken', 'data_key.broken', 'data_key.kept')`),
    check('audit_log_action_check', sql`action ~ '^[a-z_]{1,40}\\.[a-z_]{1,40}$'`),
    check('audit_log_target_check', sql`target ~ '^[a-z_.]{1,60}:[0-9a-z_-]{1,60}$'`),
    // No number and nothing outside ASCII: then RFC 8785 has one spelling, in SQL as in JavaScript.
    check(
      'audit_log_details_check',
      sql`jsonb_typeof(details) = 'object' and length(details::text) <= 1000
        and details::text ~ '^[ -~]*$' and not jsonb_path_exists(details, '$.** ? (@.type() == "number")')`,
    ),
    pgPolicy('audit_log_user_select', { for: 'select', to: userRole, using: isOwnChain }),
    ...gatePolicies('audit_log', ['select', 'insert']),
  ],
).enableRLS()
