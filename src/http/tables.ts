import { sql } from 'drizzle-orm'
import { check, index, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core'
import { ownerColumn, ownerForeignKey } from '#src/accounts/tables.ts'
import { bytes, moment } from '#src/db/columns.ts'
import { jobsPolicy, ownRowPolicies } from '#src/db/roles.ts'

export const idempotencyKeys = pgTable(
  'idempotency_keys',
  {
    userId: ownerColumn(),
    key: text().notNull(),
    requestHash: bytes('request_hash').notNull(),
    resourceId: uuid('resource_id').notNull(),
    createdAt: moment('created_at').notNull().defaultNow(),
    expiresAt: moment('expires_at')
      .notNull()
      .default(sql`now() + interval '24 hours'`),
  },
  (table) => [
    primaryKey({ name: 'idempotency_keys_pkey', columns: [table.userId, table.key] }),
    ownerForeignKey('idempotency_keys', table.userId),
    index('idempotency_keys_expires_at_idx').on(table.expiresAt),
    check('idempotency_keys_key_check', sql`length(key) between 1 and 255`),
    check('idempotency_keys_request_hash_check', sql`length(request_hash) = 32`),
    ...ownRowPolicies('idempotency_keys', ['select', 'insert']),
    jobsPolicy('idempotency_keys', 'select', sql`expires_at < now()`),
    jobsPolicy('idempotency_keys', 'delete', sql`expires_at < now()`),
  ],
).enableRLS()
