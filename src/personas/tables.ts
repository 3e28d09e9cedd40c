import { sql } from 'drizzle-orm'
import {
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
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core'
import { ownerColumn, ownerForeignKey, users } from '#src/accounts/tables.ts'
import { moment, type JsonObject } from '#src/db/columns.ts'
import { gatePolicies, isOwnRow, jobsPolicy, jobsRole, ownRowPolicies, userRole, visitorRole } from '#src/db/roles.ts'

// Set-up writes the built-in companions, and nobody else's.
const isBuiltIn = sql`owner_id is null and frozen_at is null`

const isOwn = sql`owner_id = (select app.current_user_id())`

// What a companion was when its author took it away from others: for whoever talks with it, as long as they do.
// Whether they do says a function: the policy of `conversations` reads this table, which would ask for itself.
const isFrozenForThem = sql`frozen_at is not null and rating = any ((select app.admitted_ratings())::text[]) and app.talks_with(id)`

export const personas = pgTable(
  'personas',
  {
    id: uuid().primaryKey(),
    slug: text(),
    ownerId: uuid('owner_id').default(sql`app.current_user_id()`),
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
    isForkable: boolean('is_forkable').notNull().default(false),
    isActive: boolean('is_active').notNull().default(true),
    frozenAt: moment('frozen_at'),
    /** About how often people have talked with it; a reply in sixteen counts for sixteen. */
    useCount: integer('use_count').notNull().default(0),
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
    index('personas_public_use_count_id_idx')
      .on(table.useCount.desc(), table.id.desc())
      .where(sql`is_public`),
    index('personas_frozen_at_idx')
      .on(table.frozenAt)
      .where(sql`frozen_at is not null`),
    check('personas_frozen_check', sql`frozen_at is null or (owner_id is null and not is_active and not is_public)`),
    check('personas_rating_check', sql`rating in ('everyone', '16', '18')`),
    pgPolicy('personas_user_select', {
      for: 'select',
      to: userRole,
      using: sql`(is_active and (${isOwn} or (is_public and rating = any ((select app.admitted_ratings())::text[])))) or (${isFrozenForThem})`,
    }),
    pgPolicy('personas_user_insert', { for: 'insert', to: userRole, withCheck: isOwn }),
    pgPolicy('personas_user_update', { for: 'update', to: userRole, using: isOwn, withCheck: isOwn }),
    pgPolicy('personas_user_delete', { for: 'delete', to: userRole, using: isOwn }),
    ...gatePolicies('personas', ['select', 'insert', 'update', 'delete']),
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

/** What of a companion makes it speak as it does. */
export const speakerColumns = {
  displayName: personas.displayName,
  description: personas.description,
  systemPrompt: personas.systemPrompt,
  exampleDialogue: personas.exampleDialogue,
  personalityConfig: personas.personalityConfig,
  lorebook: personas.lorebook,
}

// A foreign key alone would admit somebody's private companion.
const isVisible = sql`exists (select 1 from public.personas p where p.id = persona_id)`

/** What a person made of a companion: a favourite, the active one, settings of their app, and how often they talked. */
export const userPersonaPreferences = pgTable(
  'user_persona_preferences',
  {
    userId: ownerColumn(),
    personaId: uuid('persona_id').notNull(),
    isFavorite: boolean('is_favorite').notNull().default(false),
    isActive: boolean('is_active').notNull().default(false),
    customSettings: jsonb('custom_settings').$type<JsonObject>().notNull().default({}),
    interactionCount: integer('interaction_count').notNull().default(0),
    lastInteractionAt: moment('last_interaction_at'),
    updatedAt: moment('updated_at').notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ name: 'user_persona_preferences_pkey', columns: [table.userId, table.personaId] }),
    uniqueIndex('user_persona_preferences_user_id_key')
      .on(table.userId)
      .where(sql`is_active`),
    index('user_persona_preferences_persona_id_idx').on(table.personaId),
    ownerForeignKey('user_persona_preferences', table.userId),
    foreignKey({
      name: 'user_persona_preferences_persona_id_fkey',
      columns: [table.personaId],
      foreignColumns: [personas.id],
    }).onDelete('cascade'),
    check('user_persona_preferences_interaction_count_check', sql`interaction_count >= 0`),
    ...ownRowPolicies('user_persona_preferences', ['select', 'update']),
    pgPolicy('user_persona_preferences_user_insert', {
      for: 'insert',
      to: userRole,
      withCheck: sql`${isOwnRow} and ${isVisible}`,
    }),
    ...gatePolicies('user_persona_preferences', ['select', 'insert', 'update']),
  ],
).enableRLS()
