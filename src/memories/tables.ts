import { sql } from 'drizzle-orm'
import {
  boolean,
  check,
  foreignKey,
  index,
  pgPolicy,
  pgTable,
  primaryKey,
  text,
  unique,
  uuid,
} from 'drizzle-orm/pg-core'
import { ownerColumn, ownerForeignKey } from '#src/accounts/tables.ts'
import { conversations, messages } from '#src/conversations/tables.ts'
import { moment, sealed } from '#src/db/columns.ts'
import { gatePolicies, isOwnRow, ownRowPolicies, userRole } from '#src/db/roles.ts'
import { personas } from '#src/personas/tables.ts'

// A foreign key alone would admit somebody's private companion.
const isOfVisible = sql`(persona_id is null or exists (select 1 from public.personas p where p.id = persona_id))`

/** What companions remember about a person: one of them, or all where `persona_id` is null. */
export const memories = pgTable(
  'memories',
  {
    id: uuid().primaryKey(),
    userId: ownerColumn(),
    personaId: uuid('persona_id'),
    content: sealed().notNull(),
    origin: text({ enum: ['person', 'companion'] })
      .notNull()
      .default('person'),
    createdAt: moment('created_at').notNull().defaultNow(),
    editedAt: moment('edited_at'),
  },
  (table) => [
    unique('memories_id_user_id_key').on(table.id, table.userId),
    index('memories_user_id_id_idx').on(table.userId, table.id),
    index('memories_persona_id_idx').on(table.personaId),
    ownerForeignKey('memories', table.userId),
    // A companion that is gone remembers nothing; a copy of it takes its memories along.
    foreignKey({
      name: 'memories_persona_id_fkey',
      columns: [table.personaId],
      foreignColumns: [personas.id],
    }).onDelete('cascade'),
    check('memories_origin_check', sql`origin in ('person', 'companion')`),
    // A trigger looks at a companion that is named anew: one that is hidden since keeps nobody from correcting the words.
    ...ownRowPolicies('memories', ['select', 'update']),
    pgPolicy('memories_user_insert', { for: 'insert', to: userRole, withCheck: sql`${isOwnRow} and ${isOfVisible}` }),
    ...gatePolicies('memories', ['select', 'insert', 'update', 'delete']),
  ],
).enableRLS()

/** Which words of the person's a memory was drawn from. It goes with the first of them that goes: a trigger says so. */
export const memorySources = pgTable(
  'memory_sources',
  {
    memoryId: uuid('memory_id').notNull(),
    messageId: uuid('message_id').notNull(),
    userId: ownerColumn(),
    conversationId: uuid('conversation_id').notNull(),
    /** Always false: with it a temporary conversation is no place that a source can name. */
    isTemporary: boolean('is_temporary').notNull().default(false),
  },
  (table) => [
    primaryKey({ name: 'memory_sources_pkey', columns: [table.userId, table.memoryId, table.messageId] }),
    index('memory_sources_memory_id_user_id_idx').on(table.memoryId, table.userId),
    index('memory_sources_message_id_conversation_id_idx').on(table.messageId, table.conversationId),
    index('memory_sources_conversation_id_user_id_is_temporary_idx').on(
      table.conversationId,
      table.userId,
      table.isTemporary,
    ),
    ownerForeignKey('memory_sources', table.userId),
    foreignKey({
      name: 'memory_sources_memory_id_user_id_fkey',
      columns: [table.memoryId, table.userId],
      foreignColumns: [memories.id, memories.userId],
    }).onDelete('cascade'),
    foreignKey({
      name: 'memory_sources_message_id_conversation_id_fkey',
      columns: [table.messageId, table.conversationId],
      foreignColumns: [messages.id, messages.conversationId],
    }).onDelete('cascade'),
    foreignKey({
      name: 'memory_sources_conversation_id_user_id_is_temporary_fkey',
      columns: [table.conversationId, table.userId, table.isTemporary],
      foreignColumns: [conversations.id, conversations.userId, conversations.isTemporary],
    }).onDelete('cascade'),
    check('memory_sources_is_temporary_check', sql`not is_temporary`),
    ...ownRowPolicies('memory_sources', ['select']),
    ...gatePolicies('memory_sources', ['select', 'insert', 'delete']),
  ],
).enableRLS()
