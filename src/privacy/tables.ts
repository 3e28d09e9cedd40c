import { index, pgTable, uuid } from 'drizzle-orm/pg-core'
import { bytes, moment } from '#src/db/columns.ts'
import { gatePolicies } from '#src/db/roles.ts'

/** A receipt that outlives the account: whose it was is forgotten when the erasure is complete. */
export const erasures = pgTable(
  'erasures',
  {
    id: uuid().primaryKey(),
    userId: uuid('user_id'),
    /** Cached lines so new, when the rows went, that a listing of KV might not have shown them. */
    cacheKeys: bytes('cache_keys').array(),
    /** Somebody was still making audio of theirs when the rows went: their stores are looked into once more then. */
    dueAt: moment('due_at'),
    requestedAt: moment('requested_at').notNull().defaultNow(),
    completedAt: moment('completed_at'),
  },
  (table) => [
    index('erasures_user_id_idx').on(table.userId),
    ...gatePolicies('erasures', ['select', 'insert', 'update']),
  ],
).enableRLS()
