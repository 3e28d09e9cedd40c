import { sql } from 'drizzle-orm'
import {
  type AnyPgColumn,
  boolean,
  check,
  date,
  foreignKey,
  index,
  integer,
  jsonb,
  pgPolicy,
  pgTable,
  primaryKey,
  text,
  unique,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core'
import { bytes, moment, sealed, type JsonObject } from '#src/db/columns.ts'
import { gatePolicies, ownRowPolicies, userRole } from '#src/db/roles.ts'

const isSelf = sql`id = (select app.current_user_id())`

export const users = pgTable(
  'users',
  {
    id: uuid().primaryKey(),
    firstName: sealed('first_name').notNull(),
    lastName: sealed('last_name').notNull(),
    email: sealed(),
    emailIndex: bytes('email_index'),
    isEmailVerified: boolean('is_email_verified').notNull().default(false),
    birthdate: sealed().notNull(),
    opens16On: date('opens_16_on', { mode: 'string' }).notNull(),
    opens18On: date('opens_18_on', { mode: 'string' }).notNull(),
    country: text(),
    avatarUrl: text('avatar_url'),
    timezone: text().notNull().default('UTC'),
    languagePreference: text('language_preference').notNull().default('en'),
    notificationPreferences: jsonb('notification_preferences').$type<JsonObject>().notNull().default({}),
    uiPreferences: jsonb('ui_preferences').$type<JsonObject>().notNull().default({}),
    role: text({ enum: ['user', 'admin'] })
      .notNull()
      .default('user'),
    /** Whether companions remember what is said, and whether from now on all of them do. */
    isRemembered: boolean('is_remembered').notNull().default(true),
    isMemoryShared: boolean('is_memory_shared').notNull().default(false),
    /** What was said until then is not remembered. */
    memoriesForgottenAt: moment('memories_forgotten_at'),
    isActive: boolean('is_active').notNull().default(true),
    termsVersion: text('terms_version').notNull(),
    termsAcceptedAt: moment('terms_accepted_at').notNull().defaultNow(),
    privacyVersion: text('privacy_version').notNull(),
    privacyPolicyAcceptedAt: moment('privacy_policy_accepted_at').notNull().defaultNow(),
    createdAt: moment('created_at').notNull().defaultNow(),
    updatedAt: moment('updated_at').notNull().defaultNow(),
  },
  (table) => [
    uniqueIndex('users_email_index_key')
      .on(table.emailIndex)
      .where(sql`is_email_verified`),
    check('users_role_check', sql`role in ('user', 'admin')`),
    check('users_opens_on_check', sql`opens_18_on > opens_16_on`),
    pgPolicy('users_user_select', { for: 'select', to: userRole, using: isSelf }),
    pgPolicy('users_user_update', { for: 'update', to: userRole, using: isSelf, withCheck: isSelf }),
    ...gatePolicies('users', ['select', 'insert', 'update', 'delete']),
  ],
).enableRLS()

/** The `user_id` of a row that a person owns: the database fills it in from the session. */
export const ownerColumn = () =>
  uuid('user_id')
    .notNull()
    .default(sql`app.current_user_id()`)

/** The row goes when its owner goes. */
export const ownerForeignKey = (table: string, userId: AnyPgColumn) =>
  foreignKey({ name: `${table}_user_id_fkey`, columns: [userId], foreignColumns: [users.id] }).onDelete('cascade')

export const userKeys = pgTable(
  'user_keys',
  {
    userId: uuid('user_id').notNull(),
    version: integer().notNull(),
    keyEncryptionKeyId: text('key_encryption_key_id').notNull(),
    wrappedKey: bytes('wrapped_key').notNull(),
    createdAt: moment('created_at').notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ name: 'user_keys_pkey', columns: [table.userId, table.version] }),
    ownerForeignKey('user_keys', table.userId),
    check('user_keys_version_check', sql`version between 1 and 65535`),
    index('user_keys_key_encryption_key_id_idx').on(table.keyEncryptionKeyId),
    ...gatePolicies('user_keys', ['select', 'insert', 'update', 'delete']),
  ],
).enableRLS()

export const identities = pgTable(
  'identities',
  {
    id: uuid().primaryKey(),
    userId: ownerColumn(),
    provider: text({ enum: ['google', 'facebook', 'apple'] }).notNull(),
    issuer: text().notNull(),
    subject: text().notNull(),
    email: sealed(),
    isPrivateEmail: boolean('is_private_email').notNull().default(false),
    refreshToken: sealed('refresh_token'),
    lastLoginAt: moment('last_login_at').notNull().defaultNow(),
    createdAt: moment('created_at').notNull().defaultNow(),
  },
  (table) => [
    unique('identities_issuer_subject_key').on(table.issuer, table.subject),
    unique('identities_id_user_id_key').on(table.id, table.userId),
    index('identities_user_id_idx').on(table.userId),
    ownerForeignKey('identities', table.userId),
    check('identities_provider_check', sql`provider in ('google', 'facebook', 'apple')`),
    check('identities_subject_check', sql`length(subject) between 1 and 255`),
    ...ownRowPolicies('identities', ['select']),
    ...gatePolicies('identities', ['select', 'insert', 'update', 'delete']),
  ],
).enableRLS()
