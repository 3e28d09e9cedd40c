import { sql } from 'drizzle-orm'
import { check, foreignKey, index, integer, pgPolicy, pgTable, text, unique, uuid } from 'drizzle-orm/pg-core'
import { identities, ownerColumn, ownerForeignKey } from '#src/accounts/tables.ts'
import { bytes, moment, sealed } from '#src/db/columns.ts'
import { gatePolicies, isOwnRow, jobsPolicy, ownRowPolicies, userRole } from '#src/db/roles.ts'

export const userSessions = pgTable(
  'user_sessions',
  {
    id: uuid().primaryKey(),
    userId: ownerColumn(),
    identityId: uuid('identity_id').notNull(),
    tokenHash: bytes('token_hash').notNull(),
    deviceInfo: sealed('device_info'),
    ipPrefix: sealed('ip_prefix'),
    userAgent: sealed('user_agent'),
    location: sealed(),
    createdAt: moment('created_at').notNull().defaultNow(),
    authenticatedAt: moment('authenticated_at').notNull().defaultNow(),
    lastActiveAt: moment('last_active_at').notNull().defaultNow(),
    idleLifetimeSeconds: integer('idle_lifetime_seconds').notNull(),
    expiresAt: moment('expires_at').notNull(),
    absoluteExpiresAt: moment('absolute_expires_at').notNull(),
    revokedAt: moment('revoked_at'),
    revokedReason: text('revoked_reason'),
  },
  (table) => [
    unique('user_sessions_token_hash_key').on(table.tokenHash),
    unique('user_sessions_id_user_id_key').on(table.id, table.userId),
    index('user_sessions_user_id_created_at_id_idx').on(table.userId, table.createdAt, table.id),
    index('user_sessions_identity_id_user_id_idx').on(table.identityId, table.userId),
    index('user_sessions_absolute_expires_at_idx').on(table.absoluteExpiresAt),
    ownerForeignKey('user_sessions', table.userId),
    foreignKey({
      name: 'user_sessions_identity_id_user_id_fkey',
      columns: [table.identityId, table.userId],
      foreignColumns: [identities.id, identities.userId],
    }).onDelete('cascade'),
    check('user_sessions_token_hash_check', sql`length(token_hash) = 32`),
    check('user_sessions_expires_at_check', sql`expires_at <= absolute_expires_at`),
    check('user_sessions_revoked_check', sql`(revoked_at is null) = (revoked_reason is null)`),
    ...ownRowPolicies('user_sessions', ['select']),
    // A person may end a session, and what has ended stays so: its token would be good again.
    pgPolicy('user_sessions_user_update', {
      for: 'update',
      to: userRole,
      using: sql`${isOwnRow} and revoked_at is null`,
      withCheck: sql`${isOwnRow} and revoked_at is not null`,
    }),
    ...gatePolicies('user_sessions', ['select', 'insert', 'update']),
    jobsPolicy('user_sessions', 'select', sql`absolute_expires_at < now()`),
    jobsPolicy('user_sessions', 'delete', sql`absolute_expires_at < now()`),
  ],
).enableRLS()

/** Tokens that were replaced: each still opens its session for a while, and after that gives a thief away. */
export const retiredTokens = pgTable(
  'retired_tokens',
  {
    tokenHash: bytes('token_hash').primaryKey(),
    userId: ownerColumn(),
    sessionId: uuid('session_id').notNull(),
    retiredAt: moment('retired_at').notNull().defaultNow(),
    goodUntil: moment('good_until').notNull(),
  },
  (table) => [
    index('retired_tokens_session_id_user_id_idx').on(table.sessionId, table.userId),
    index('retired_tokens_user_id_idx').on(table.userId),
    ownerForeignKey('retired_tokens', table.userId),
    foreignKey({
      name: 'retired_tokens_session_id_user_id_fkey',
      columns: [table.sessionId, table.userId],
      foreignColumns: [userSessions.id, userSessions.userId],
    }).onDelete('cascade'),
    check('retired_tokens_token_hash_check', sql`length(token_hash) = 32`),
    ...gatePolicies('retired_tokens', ['select', 'insert', 'update']),
  ],
).enableRLS()

export const loginTickets = pgTable(
  'login_tickets',
  {
    id: uuid().primaryKey(),
    kind: text({ enum: ['registration', 'age_refusal', 'nonce', 'state', 'code', 'event'] }).notNull(),
    subjectHash: bytes('subject_hash'),
    createdAt: moment('created_at').notNull().defaultNow(),
    expiresAt: moment('expires_at').notNull(),
  },
  (table) => [
    index('login_tickets_subject_hash_idx').on(table.subjectHash),
    index('login_tickets_expires_at_idx').on(table.expiresAt),
    check('login_tickets_kind_check', sql`kind in ('registration', 'age_refusal', 'nonce', 'state', 'code', 'event')`),
    check('login_tickets_subject_hash_check', sql`(kind = 'age_refusal') = (subject_hash is not null)`),
    ...gatePolicies('login_tickets', ['select', 'insert']),
    jobsPolicy('login_tickets', 'select', sql`expires_at < now()`),
    jobsPolicy('login_tickets', 'delete', sql`expires_at < now()`),
  ],
).enableRLS()

const isDueSoon = sql`due_at <= now() + interval '1 day'`

/** What a provider gave and is to get back, until it has taken it: of nobody's account any more, or of none yet. */
export const grantsToRevoke = pgTable(
  'grants_to_revoke',
  {
    id: uuid().primaryKey(),
    provider: text({ enum: ['google', 'apple', 'facebook'] }).notNull(),
    /** Keyed: whoever has an account with this subject again keeps what they gave. */
    subjectHash: bytes('subject_hash').notNull(),
    /** A JWE that the service alone reads. */
    sealedGrant: text('sealed_grant').notNull(),
    attempts: integer().notNull().default(0),
    dueAt: moment('due_at').notNull(),
    createdAt: moment('created_at').notNull().defaultNow(),
  },
  (table) => [
    index('grants_to_revoke_due_at_idx').on(table.dueAt),
    index('grants_to_revoke_subject_hash_idx').on(table.subjectHash),
    check('grants_to_revoke_provider_check', sql`provider in ('google', 'apple', 'facebook')`),
    check('grants_to_revoke_subject_hash_check', sql`length(subject_hash) = 32`),
    check('grants_to_revoke_sealed_grant_check', sql`length(sealed_grant) between 1 and 16384`),
    ...gatePolicies('grants_to_revoke', ['select', 'insert', 'update', 'delete']),
    // What is put off must still be seen by who puts it off: a day is the longest pause.
    jobsPolicy('grants_to_revoke', 'select', isDueSoon),
    jobsPolicy('grants_to_revoke', 'update', isDueSoon, isDueSoon),
    jobsPolicy('grants_to_revoke', 'delete', isDueSoon),
  ],
).enableRLS()
