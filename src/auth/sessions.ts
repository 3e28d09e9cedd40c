import { and, desc, eq, gt, isNull, lt, ne, or, sql, type SQL } from 'drizzle-orm'
import type { PgColumn } from 'drizzle-orm/pg-core'
import { z } from 'zod'
import { identities } from '#src/accounts/tables.ts'
import { describeUserAgent } from '#src/auth/device.ts'
import { Location, type SessionPage, type SessionState, type SessionSummary } from '#src/auth/shapes.ts'
import { userSessions } from '#src/auth/tables.ts'
import { asUser, sessionOf, type Caller, type Db } from '#src/db/scope.ts'
import { pageFrom, readPosition, type PageQuery } from '#src/http/page.ts'
import { Problem } from '#src/http/problem.ts'
import { forgetDataKeys, openVault } from '#src/vault/open-vault.ts'
import type { Vault } from '#src/vault/vault.ts'

/** The session that was presented. */
export async function getSession(caller: Caller): Promise<SessionState> {
  await asUser(caller, () => [])
  const session = sessionOf(caller)
  return {
    session_id: session.id,
    user_id: session.userId,
    expires_at: session.expiresAt.toISOString(),
    role: session.role,
  }
}

const isLive = and(isNull(userSessions.revokedAt), gt(userSessions.expiresAt, sql`now()`))
const currentSession = sql`(select app.current_session_id())`
const DeviceInfo = z.record(z.string(), z.json())
const After = z.strictObject({ at: z.coerce.date(), id: z.uuid() })

/** The caller's live sessions, newest first. */
export async function listSessions(caller: Caller, { limit, cursor }: PageQuery): Promise<SessionPage> {
  const position = await readPosition(caller, 'sessions', After, cursor)
  const [page] = await asUser(caller, (db) => [selectSessions(db, position.after, limit + 1)])
  position.check()
  const { rows, next_cursor } = await pageFrom(caller, 'sessions', limit, page, (last) => ({
    at: last.createdAt,
    id: last.id,
  }))
  const vault = await openVault(caller)
  const current = sessionOf(caller).id
  return { items: await Promise.all(rows.map((row) => summaryFrom(vault, row, row.id === current))), next_cursor }
}

/** Ends one of the caller's sessions. Throws `not_found` for one that is not theirs, not there or ended already. */
export async function revokeSession(caller: Caller, id: string): Promise<void> {
  const [ended] = await asUser(caller, (db) => [endSessions(db, caller, eq(userSessions.id, id), 'revoked')])
  if (ended.length === 0) throw new Problem('not_found')
  forgetDataKeys(sessionOf(caller).userId)
}

/** Ends the caller's current session, the others, or all. */
export async function logout(caller: Caller, scope: 'current' | 'others' | 'all'): Promise<void> {
  const which = {
    current: eq(userSessions.id, currentSession),
    others: ne(userSessions.id, currentSession),
    all: undefined,
  }[scope]
  await asUser(caller, (db) => [endSessions(db, caller, which, 'logout')])
  forgetDataKeys(sessionOf(caller).userId)
}

/** Ends live sessions; each one that ends has its entry in the audit log. */
function endSessions(db: Db, caller: Caller, which: SQL | undefined, reason: string) {
  const ended = db.$with('ended').as(
    db
      .update(userSessions)
      .set({ revokedAt: sql`now()`, revokedReason: reason })
      .where(and(isLive, which))
      .returning({ id: userSessions.id }),
  )
  return db
    .with(ended)
    .select({ id: ended.id, recorded: recordRevocation(caller, ended.id, reason) })
    .from(ended)
}

const recordRevocation = ({ requestId }: Caller, id: PgColumn, reason: string) =>
  sql<string>`app.record_event('session.revoked', 'session:' || ${id}, jsonb_build_object('reason', ${reason}::text), ${requestId}::uuid)`

const selectSessions = (db: Db, after: z.output<typeof After> | undefined, limit: number) =>
  db
    .select({
      id: userSessions.id,
      provider: identities.provider,
      deviceInfo: userSessions.deviceInfo,
      userAgent: userSessions.userAgent,
      ipPrefix: userSessions.ipPrefix,
      location: userSessions.location,
      createdAt: userSessions.createdAt,
      lastActiveAt: userSessions.lastActiveAt,
      expiresAt: userSessions.expiresAt,
    })
    .from(userSessions)
    .innerJoin(identities, eq(identities.id, userSessions.identityId))
    .where(and(isLive, after === undefined ? undefined : isAfter(after)))
    .orderBy(desc(userSessions.createdAt), desc(userSessions.id))
    .limit(limit)

const isAfter = ({ at, id }: z.output<typeof After>) =>
  or(lt(userSessions.createdAt, at), and(eq(userSessions.createdAt, at), lt(userSessions.id, id)))

type SessionRow = Awaited<ReturnType<typeof selectSessions>>[number]

async function summaryFrom(vault: Vault, row: SessionRow, isCurrent: boolean): Promise<SessionSummary> {
  const [deviceInfo, userAgent, ipPrefix, location] = await Promise.all([
    vault.read(userSessions.deviceInfo, row.id, row.deviceInfo),
    vault.read(userSessions.userAgent, row.id, row.userAgent),
    vault.read(userSessions.ipPrefix, row.id, row.ipPrefix),
    vault.read(userSessions.location, row.id, row.location),
  ])
  const place = location === null ? undefined : Location.safeParse(JSON.parse(location)).data
  return {
    id: row.id,
    is_current: isCurrent,
    provider: row.provider,
    device_info: deviceInfo === null ? null : DeviceInfo.parse(JSON.parse(deviceInfo)),
    ...describeUserAgent(userAgent),
    user_agent: userAgent,
    ip_prefix: ipPrefix,
    city: place?.city ?? null,
    country: place?.country ?? null,
    created_at: row.createdAt.toISOString(),
    last_active_at: row.lastActiveAt.toISOString(),
    expires_at: row.expiresAt.toISOString(),
  }
}
