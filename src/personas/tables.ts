import { sql } from 'drizzle-orm'
import {
  boolean,
  check,
  foreignKey,
  index,
  jsonb,
  pgPolicy,
  pgTable,
  text,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core'
import { users } from '#src/accounts/tables.ts'
import { moment, type JsonObject } from '#src/db/columns.ts'
import { jobsPolicy, jobsRole, userRole, visitorRole } from '#src/db/roles.ts'

// Set-up writes the built-in companions, and nobody else's.
const isBuiltIn = sql`owner_id is null`

export const personas = pgTable(
  'personas',
  {
    id: uuid().primaryKey(),
    slug: text(),
    ownerId: uuid('owner_id'),
    displayName: text('display_name').notNull(),
    description: text().notNull(),
    systemPrompt: text('system_prompt').notNull(),
    greeting: text().notNull(),
    alternateGreetings: text('alternate_greetings')
      .array()
      .notNull()
      .default(sql`'{}'`),
    exampleDialogue: text('example_dialogue').notNull().default(''),
    lorebook: jsonb().$type<JsonObject>().notNull().default({}),
    personalityConfig: jsonb('personality_config').$type<JsonObject>().notNull().default({}),
    voiceConfig: jsonb('voice_config').$type<JsonObject>().notNull().default({}),
    avatarUrl: text('avatar_url'),
    vrmModelPath: text('vrm_model_path'),
    expressions: text()
      .array()
      .notNull()
      .default(sql`'{}'`),
    tags: text()
      .array()
      .notNull()
      .default(sql`'{}'`),
    rating: text({ enum: ['everyone', '16', '18'] })
      .notNull()
      .default('everyone'),
    isPublic: boolean('is_public').notNull().default(false),
    isActive: boolean('is_active').notNull().default(true),
    card: jsonb().$type<JsonObject>(),
    createdAt: moment('created_at').notNull().defaultNow(),
    updatedAt: moment('updated_at').notNull().defaultNow(),
  },
  (table) => [
    // Only built-in slugs are unique: a person's own would tell others that theirs is taken.
    uniqueIndex('personas_slug_key')
      .on(table.slug)
      .where(sql`owner_id is null`),
    foreignKey({ name: 'personas_owner_id_fkey', columns: [table.ownerId], foreignColumns: [users.id] }).onDelete(
      'cascade',
    ),
    index('personas_owner_id_idx').on(table.ownerId),
    index('personas_created_at_id_idx').on(table.createdAt, table.id),
    // A list skips the companions of others, which are most of them.
    index('personas_public_created_at_id_idx')
      .on(table.createdAt, table.id)
      .where(sql`is_public`),
    check('personas_rating_check', sql`rating in ('everyone', '16', '18')`),
    pgPolicy('personas_user_select', {
      for: 'select',
      to: userRole,
      using: sql`is_active and (owner_id = (select app.current_user_id()) or (is_public and rating = any ((select app.admitted_ratings())::text[])))`,
    }),
    pgPolicy('personas_visitor_select', {
      for: 'select',
      to: visitorRole,
      using: sql`is_active and is_public and rating = 'everyone'`,
    }),
    jobsPolicy('personas', 'select', isBuiltIn),
    pgPolicy('personas_jobs_insert', { for: 'insert', to: jobsRole, withCheck: isBuiltIn }),
    jobsPolicy('personas', 'update', isBuiltIn, isBuiltIn),
  ],
).enableRLS()
