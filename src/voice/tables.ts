import { sql } from 'drizzle-orm'
import { check, index, integer, pgTable, text, unique, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { ownerColumn, ownerForeignKey } from '#src/accounts/tables.ts'
import { bytes, moment } from '#src/db/columns.ts'
import { gatePolicies, ownRowPolicies } from '#src/db/roles.ts'

export const voiceData = pgTable(
  'voice_data',
  {
    id: uuid().primaryKey(),
    userId: ownerColumn(),
    kind: text({ enum: ['speech', 'recording'] }).notNull(),
    r2Key: text('r2_key').notNull(),
    cacheKey: bytes('cache_key'),
    audioBytes: integer('audio_bytes').notNull(),
    durationMs: integer('duration_ms').notNull(),
    codec: text({ enum: ['wav', 'mp3'] }).notNull(),
    voice: text(),
    provider: text(),
    createdAt: moment('created_at').notNull().defaultNow(),
    expiresAt: moment('expires_at'),
  },
  (table) => [
    unique('voice_data_r2_key_key').on(table.r2Key),
    uniqueIndex('voice_data_user_id_cache_key_key').on(table.userId, table.cacheKey),
    index('voice_data_user_id_created_at_id_idx').on(table.userId, table.createdAt, table.id),
    ownerForeignKey('voice_data', table.userId),
    check('voice_data_kind_check', sql`kind in ('speech', 'recording')`),
    check('voice_data_codec_check', sql`codec in ('wav', 'mp3')`),
    check('voice_data_size_check', sql`audio_bytes >= 0 and duration_ms >= 0`),
    ...ownRowPolicies('voice_data', ['select', 'insert', 'update', 'delete']),
    ...gatePolicies('voice_data', ['select']),
  ],
).enableRLS()
