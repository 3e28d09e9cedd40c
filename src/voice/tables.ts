import { sql } from 'drizzle-orm'
import {
  bigint,
  check,
  date,
  foreignKey,
  index,
  integer,
  pgTable,
  primaryKey,
  text,
  unique,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core'
import { ownerColumn, ownerForeignKey } from '#src/accounts/tables.ts'
import { bytes, moment } from '#src/db/columns.ts'
import { gatePolicies, jobsPolicy, ownRowPolicies } from '#src/db/roles.ts'
import { personas } from '#src/personas/tables.ts'

/** How audio is stored: MP3, WAV, Opus in Ogg; recordings by browsers also as WebM or MP4. */
const codecs = ['wav', 'mp3', 'opus', 'webm', 'mp4'] as const

const isCodec = sql`codec in ('wav', 'mp3', 'opus', 'webm', 'mp4')`
const hasSize = sql`audio_bytes >= 0 and duration_ms >= 0`

// `cache_key` is a SHA-256 over who may share the line, vendor, voice, its settings, format and the text's own hash.
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
    codec: text({ enum: codecs }).notNull(),
    voice: text(),
    provider: text(),
    createdAt: moment('created_at').notNull().defaultNow(),
    usedAt: moment('used_at').notNull().defaultNow(),
    expiresAt: moment('expires_at'),
  },
  (table) => [
    unique('voice_data_r2_key_key').on(table.r2Key),
    uniqueIndex('voice_data_user_id_cache_key_key').on(table.userId, table.cacheKey),
    index('voice_data_user_id_created_at_id_idx').on(table.userId, table.createdAt, table.id),
    index('voice_data_recordings_user_id_created_at_id_idx')
      .on(table.userId, table.createdAt, table.id)
      .where(sql`kind = 'recording'`),
    // What a person holds, what was heard last first.
    index('voice_data_speech_user_id_used_at_id_audio_bytes_idx')
      .on(table.userId, table.usedAt.desc(), table.id.desc(), table.audioBytes)
      .where(sql`kind = 'speech' and expires_at is null`),
    index('voice_data_speech_used_at_idx')
      .on(table.usedAt)
      .where(sql`kind = 'speech'`),
    index('voice_data_expires_at_idx')
      .on(table.expiresAt)
      .where(sql`expires_at is not null`),
    ownerForeignKey('voice_data', table.userId),
    check('voice_data_kind_check', sql`kind in ('speech', 'recording')`),
    check('voice_data_codec_check', isCodec),
    check('voice_data_size_check', hasSize),
    check('voice_data_cache_key_check', sql`(kind = 'speech') = (cache_key is not null)`),
    ...ownRowPolicies('voice_data', ['select', 'insert', 'delete']),
    ...gatePolicies('voice_data', ['select', 'insert', 'update', 'delete']),
  ],
).enableRLS()

/** Lines that a public companion publishes, spoken once for everybody. */
export const sharedSpeech = pgTable(
  'shared_speech',
  {
    id: uuid().primaryKey(),
    cacheKey: bytes('cache_key').notNull(),
    // Null once the companion is gone: then the line is swept away.
    personaId: uuid('persona_id'),
    r2Key: text('r2_key').notNull(),
    audioBytes: integer('audio_bytes').notNull(),
    durationMs: integer('duration_ms').notNull(),
    codec: text({ enum: codecs }).notNull(),
    voice: text().notNull(),
    provider: text().notNull(),
    createdAt: moment('created_at').notNull().defaultNow(),
    usedAt: moment('used_at').notNull().defaultNow(),
  },
  (table) => [
    unique('shared_speech_cache_key_key').on(table.cacheKey),
    unique('shared_speech_r2_key_key').on(table.r2Key),
    index('shared_speech_persona_id_idx').on(table.personaId),
    index('shared_speech_used_at_idx').on(table.usedAt),
    foreignKey({
      name: 'shared_speech_persona_id_fkey',
      columns: [table.personaId],
      foreignColumns: [personas.id],
    }).onDelete('set null'),
    check('shared_speech_codec_check', isCodec),
    check('shared_speech_size_check', hasSize),
    ...gatePolicies('shared_speech', ['select', 'insert', 'update', 'delete']),
  ],
).enableRLS()

// Nobody makes a line for so long after they were last heard of.
const isLost = sql`expires_at < now() - interval '3 minutes'`

/** Who is having a line spoken just now, so that everybody else waits for it. */
export const speechLeases = pgTable(
  'speech_leases',
  {
    cacheKey: bytes('cache_key').primaryKey(),
    userId: ownerColumn(),
    holder: uuid().notNull(),
    // Where they write to; of one that died nobody else would know.
    audioKey: text('audio_key').notNull(),
    expiresAt: moment('expires_at').notNull(),
  },
  (table) => [
    index('speech_leases_user_id_idx').on(table.userId),
    index('speech_leases_expires_at_idx').on(table.expiresAt),
    ownerForeignKey('speech_leases', table.userId),
    ...gatePolicies('speech_leases', ['select', 'insert', 'update', 'delete']),
    jobsPolicy('speech_leases', 'select', isLost),
    jobsPolicy('speech_leases', 'delete', isLost),
  ],
).enableRLS()

/** How often a person heard what was spoken before, by day (UTC), and how many characters that was. */
export const speechHits = pgTable(
  'speech_hits',
  {
    userId: ownerColumn(),
    day: date({ mode: 'string' }).notNull(),
    hits: integer().notNull().default(0),
    characters: bigint({ mode: 'number' }).notNull().default(0),
  },
  (table) => [
    primaryKey({ name: 'speech_hits_pkey', columns: [table.userId, table.day] }),
    ownerForeignKey('speech_hits', table.userId),
    check('speech_hits_amounts_check', sql`hits >= 0 and characters >= 0`),
    ...ownRowPolicies('speech_hits', ['select']),
    ...gatePolicies('speech_hits', ['select', 'insert', 'update']),
  ],
).enableRLS()
