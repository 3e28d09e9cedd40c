import { sql } from 'drizzle-orm'
import {
  bigint,
  boolean,
  check,
  foreignKey,
  index,
  integer,
  jsonb,
  pgPolicy,
  pgTable,
  primaryKey,
  text,
  unique,
  uuid,
} from 'drizzle-orm/pg-core'
import { ownerColumn, ownerForeignKey } from '#src/accounts/tables.ts'
import { bytes, moment, sealed, type JsonObject } from '#src/db/columns.ts'
import { gatePolicies, isOwnRow, jobsPolicy, ownRowPolicies, userRole } from '#src/db/roles.ts'
import { personas } from '#src/personas/tables.ts'

// A foreign key alone would admit somebody's private persona; the sub-select runs under the person's own policies.
const isVisiblePersona = sql`(persona_id is null or exists (select 1 from public.personas p where p.id = persona_id and p.is_active))`

// What is temporary is gone after a day.
const isPast = sql`is_temporary and created_at < now() - interval '1 day'`

const memoryIdsColumn = () =>
  uuid('memory_ids')
    .array()
    .notNull()
    .default(sql`'{}'`)

export const conversations = pgTable(
  'conversations',
  {
    id: uuid().primaryKey(),
    userId: ownerColumn(),
    personaId: uuid('persona_id'),
    title: sealed(),
    summary: sealed(),
    metadata: jsonb().$type<JsonObject>().notNull().default({}),
    tags: text()
      .array()
      .notNull()
      .default(sql`'{}'`),
    isActive: boolean('is_active').notNull().default(true),
    isPinned: boolean('is_pinned').notNull().default(false),
    isTemporary: boolean('is_temporary').notNull().default(false),
    messageCount: integer('message_count').notNull().default(0),
    lastSeq: bigint('last_seq', { mode: 'number' }).notNull().default(0),
    /** Where what was said ends: its parents, up to the first, are what counts. Set before that message is there, so no key of another table. */
    leafMessageId: uuid('leaf_message_id'),
    /** Up to which message the summary tells. */
    summarySeq: bigint('summary_seq', { mode: 'number' }).notNull().default(0),
    lastMessageAt: moment('last_message_at'),
    createdAt: moment('created_at').notNull().defaultNow(),
    updatedAt: moment('updated_at').notNull().defaultNow(),
  },
  (table) => [
    unique('conversations_id_user_id_key').on(table.id, table.userId),
    // What is no temporary one can be referred to as such.
    unique('conversations_id_user_id_is_temporary_key').on(table.id, table.userId, table.isTemporary),
    index('conversations_user_id_updated_at_id_idx').on(table.userId, table.updatedAt.desc(), table.id.desc()),
    index('conversations_persona_id_idx').on(table.personaId),
    index('conversations_user_id_persona_id_updated_at_id_idx').on(
      table.userId,
      table.personaId,
      table.updatedAt.desc(),
      table.id.desc(),
    ),
    index('conversations_pinned_idx')
      .on(table.userId, table.updatedAt.desc(), table.id.desc())
      .where(sql`is_pinned`),
    index('conversations_archived_idx')
      .on(table.userId, table.updatedAt.desc(), table.id.desc())
      .where(sql`not is_active`),
    index('conversations_temporary_created_at_idx')
      .on(table.createdAt)
      .where(sql`is_temporary`),
    ownerForeignKey('conversations', table.userId),
    foreignKey({
      name: 'conversations_persona_id_fkey',
      columns: [table.personaId],
      foreignColumns: [personas.id],
    }).onDelete('set null'),
    ...ownRowPolicies('conversations', ['select', 'update', 'delete']),
    pgPolicy('conversations_user_insert', {
      for: 'insert',
      to: userRole,
      withCheck: sql`${isOwnRow} and ${isVisiblePersona}`,
    }),
    ...gatePolicies('conversations', ['select', 'update']),
    jobsPolicy('conversations', 'select', isPast),
    jobsPolicy('conversations', 'delete', isPast),
  ],
).enableRLS()

// A device that has not asked for longer begins anew.
const isForgotten = sql`deleted_at < now() - interval '90 days'`

/** Conversations that are gone, so that other devices hear of it. A trigger writes them. */
export const conversationDeletions = pgTable(
  'conversation_deletions',
  {
    goneId: uuid('gone_id').notNull(),
    userId: ownerColumn(),
    deletedAt: moment('deleted_at').notNull().defaultNow(),
  },
  (table) => [
    // A chat of the AI SDK may begin again under the same id.
    primaryKey({ name: 'conversation_deletions_pkey', columns: [table.userId, table.goneId, table.deletedAt] }),
    index('conversation_deletions_user_id_deleted_at_idx').on(table.userId, table.deletedAt),
    index('conversation_deletions_deleted_at_idx').on(table.deletedAt),
    ownerForeignKey('conversation_deletions', table.userId),
    ...ownRowPolicies('conversation_deletions', ['select']),
    ...gatePolicies('conversation_deletions', ['insert']),
    jobsPolicy('conversation_deletions', 'select', isForgotten),
    jobsPolicy('conversation_deletions', 'delete', isForgotten),
  ],
).enableRLS()

export const turns = pgTable(
  'turns',
  {
    id: uuid().primaryKey(),
    userId: ownerColumn(),
    conversationId: uuid('conversation_id').notNull(),
    // Its foreign key is in a migration by hand: `on delete set null (session_id)` is more than drizzle can say.
    sessionId: uuid('session_id').default(sql`app.current_session_id()`),
    state: text({ enum: ['streaming', 'complete', 'interrupted', 'failed'] })
      .notNull()
      .default('streaming'),
    keyHash: bytes('key_hash').notNull(),
    userMessageId: uuid('user_message_id').notNull(),
    replyMessageId: uuid('reply_message_id').notNull(),
    checkpoint: sealed(),
    // Its foreign key is in a migration by hand, too.
    usageId: uuid('usage_id'),
    /** What its prompt told the companion that it remembers. */
    memoryIds: memoryIdsColumn(),
    promptTokens: integer('prompt_tokens'),
    completionTokens: integer('completion_tokens'),
    startedAt: moment('started_at').notNull().defaultNow(),
    /** When whoever answers it said last that they are there. */
    checkedAt: moment('checked_at').notNull().defaultNow(),
    stopRequestedAt: moment('stop_requested_at'),
    endedAt: moment('ended_at'),
  },
  (table) => [
    unique('turns_key_hash_key').on(table.keyHash),
    unique('turns_id_user_id_key').on(table.id, table.userId),
    index('turns_user_id_idx').on(table.userId),
    index('turns_conversation_id_user_id_idx').on(table.conversationId, table.userId),
    index('turns_session_id_user_id_idx').on(table.sessionId, table.userId),
    index('turns_usage_id_user_id_idx').on(table.usageId, table.userId),
    index('turns_streaming_checked_at_idx')
      .on(table.checkedAt)
      .where(sql`state = 'streaming'`),
    ownerForeignKey('turns', table.userId),
    foreignKey({
      name: 'turns_conversation_id_user_id_fkey',
      columns: [table.conversationId, table.userId],
      foreignColumns: [conversations.id, conversations.userId],
    }).onDelete('cascade'),
    check('turns_state_check', sql`state in ('streaming', 'complete', 'interrupted', 'failed')`),
    check('turns_ended_at_check', sql`(state = 'streaming') = (ended_at is null)`),
    check('turns_key_hash_check', sql`length(key_hash) = 32`),
    ...ownRowPolicies('turns', ['select', 'insert', 'update']),
    ...gatePolicies('turns', ['select', 'update', 'delete']),
  ],
).enableRLS()

export const messages = pgTable(
  'messages',
  {
    id: uuid().primaryKey(),
    userId: ownerColumn(),
    conversationId: uuid('conversation_id').notNull(),
    parentId: uuid('parent_id'),
    turnId: uuid('turn_id'),
    seq: bigint({ mode: 'number' }).notNull().default(0),
    role: text({ enum: ['user', 'assistant'] }).notNull(),
    origin: text({ enum: ['person', 'companion', 'external', 'imported'] })
      .notNull()
      .default('person'),
    content: sealed().notNull(),
    contentType: text('content_type', { enum: ['text', 'markdown'] })
      .notNull()
      .default('text'),
    metadata: jsonb().$type<JsonObject>().notNull().default({}),
    status: text({ enum: ['complete', 'interrupted'] })
      .notNull()
      .default('complete'),
    /** Keyed hashes of the words, sorted; only `app.find_messages` reads them. */
    words: bigint({ mode: 'bigint' })
      .array()
      .notNull()
      .default(sql`'{}'`),
    tokens: integer(),
    model: text(),
    latencyMs: integer('latency_ms'),
    feedback: text({ enum: ['up', 'down'] }),
    /** What the companion was told that it remembers, as it said this. Memories may be gone: no keys of another table. */
    memoryIds: memoryIdsColumn(),
    /** Whether memories may be drawn from it: not where its person does not wish it, or had one forgotten. */
    isRecallable: boolean('is_recallable').notNull().default(true),
    /** Whether it was looked through for what is to be remembered. */
    isDrawn: boolean('is_drawn').notNull().default(false),
    editedAt: moment('edited_at'),
    createdAt: moment('created_at').notNull().defaultNow(),
  },
  (table) => [
    unique('messages_id_conversation_id_key').on(table.id, table.conversationId),
    unique('messages_conversation_id_seq_key').on(table.conversationId, table.seq),
    index('messages_conversation_id_user_id_seq_idx').on(table.conversationId, table.userId, table.seq.desc()),
    index('messages_user_id_id_idx').on(table.userId, table.id),
    // Without a pending list: a search reads what it finds, and never what was lately written by everybody.
    index('messages_words_idx').using('gin', table.words).with({ fastupdate: 'off' }),
    index('messages_parent_id_conversation_id_idx').on(table.parentId, table.conversationId),
    index('messages_turn_id_user_id_idx').on(table.turnId, table.userId),
    ownerForeignKey('messages', table.userId),
    foreignKey({
      name: 'messages_conversation_id_user_id_fkey',
      columns: [table.conversationId, table.userId],
      foreignColumns: [conversations.id, conversations.userId],
    }).onDelete('cascade'),
    foreignKey({
      name: 'messages_parent_id_conversation_id_fkey',
      columns: [table.parentId, table.conversationId],
      foreignColumns: [table.id, table.conversationId],
    }).onDelete('cascade'),
    foreignKey({
      name: 'messages_turn_id_user_id_fkey',
      columns: [table.turnId, table.userId],
      foreignColumns: [turns.id, turns.userId],
    }).onDelete('cascade'),
    check('messages_role_check', sql`role in ('user', 'assistant')`),
    check('messages_origin_check', sql`(origin = 'person') = (role = 'user')`),
    check('messages_content_type_check', sql`content_type in ('text', 'markdown')`),
    check('messages_status_check', sql`status in ('complete', 'interrupted')`),
    check('messages_feedback_check', sql`feedback in ('up', 'down')`),
    ...ownRowPolicies('messages', ['select', 'update']),
    pgPolicy('messages_user_insert', { for: 'insert', to: userRole, withCheck: sql`${isOwnRow} and role = 'user'` }),
    ...gatePolicies('messages', ['select', 'insert', 'update', 'delete']),
  ],
).enableRLS()
