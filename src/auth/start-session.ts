import { sql } from 'drizzle-orm'
import { v7 as uuidv7 } from 'uuid'
import type { Device } from '#src/auth/shapes.ts'
import { userSessions } from '#src/auth/tables.ts'
import type { Db, RequestScope } from '#src/db/scope.ts'
import { createSessionToken, type SessionToken } from '#src/vault/session-token.ts'
import type { Vault } from '#src/vault/vault.ts'

/** A session that is ready to be stored: its token, and the statement that starts it. */
export interface NewSession extends SessionToken {
  readonly id: string
  readonly statement: (db: Db, userId: string, identityId: string, isFresh: boolean) => ReturnType<Db['execute']>
}

/** Prepares a session for a device; nothing is stored until its statement flies. */
export async function prepareSession(
  { config, requestId }: RequestScope,
  vault: Vault,
  device: Device,
): Promise<NewSession> {
  const id = uuidv7()
  const token = createSessionToken(config)
  const described = device.deviceInfo === undefined ? undefined : JSON.stringify(device.deviceInfo)
  const place = device.location === undefined ? undefined : JSON.stringify(device.location)
  const [deviceInfo, ipPrefix, userAgent, location] = await Promise.all([
    vault.sealOptional(userSessions.deviceInfo, id, described),
    vault.sealOptional(userSessions.ipPrefix, id, device.ipPrefix),
    vault.sealOptional(userSessions.userAgent, id, device.userAgent),
    vault.sealOptional(userSessions.location, id, place),
  ])
  return {
    ...token,
    id,
    statement: (db, userId, identityId, isFresh) =>
      db.execute(sql`select * from app.start_session(
        ${id}, ${userId}, ${identityId}, ${token.tokenHash}, ${deviceInfo}, ${ipPrefix}, ${userAgent},
        ${config.SESSION_IDLE_SECONDS}, ${config.SESSION_ABSOLUTE_SECONDS},
        ${device.presentedTokenHash ?? null}, ${config.SESSIONS_PER_USER}, ${requestId}, ${location}, ${isFresh}
      )`),
  }
}
