import { eq, sql } from 'drizzle-orm'
import { userFrom, type Profile, type ProfileChange } from '#src/accounts/shapes.ts'
import { identities, users } from '#src/accounts/tables.ts'
import { userSessions } from '#src/auth/tables.ts'
import { only } from '#src/db/rows.ts'
import { asUser, type Caller, type Db } from '#src/db/scope.ts'
import { openVault } from '#src/vault/open-vault.ts'

/** The caller's profile. */
export async function getProfile(caller: Caller): Promise<Profile> {
  const [rows] = await asUser(caller, (db) => [selectProfile(db)])
  return await profileFrom(caller, only(rows))
}

/** Changes what the input names of the caller's profile and returns it whole. */
export async function updateProfile(caller: Caller, change: ProfileChange): Promise<Profile> {
  const vault = await openVault(caller)
  const [firstName, lastName] = await Promise.all([
    vault.sealOptional(users.firstName, vault.userId, change.first_name),
    vault.sealOptional(users.lastName, vault.userId, change.last_name),
  ])
  const [, rows] = await asUser(caller, (db) => [
    db
      .update(users)
      .set({
        ...(firstName === null ? {} : { firstName }),
        ...(lastName === null ? {} : { lastName }),
        ...(change.avatar_url === undefined ? {} : { avatarUrl: change.avatar_url }),
        ...(change.timezone === undefined ? {} : { timezone: change.timezone }),
        ...(change.language_preference === undefined ? {} : { languagePreference: change.language_preference }),
        ...(change.notification_preferences === undefined
          ? {}
          : { notificationPreferences: change.notification_preferences }),
        ...(change.ui_preferences === undefined ? {} : { uiPreferences: change.ui_preferences }),
        updatedAt: sql`now()`,
      })
      .where(eq(users.id, vault.userId)),
    selectProfile(db),
  ])
  return await profileFrom(caller, only(rows))
}

/** The caller's row, with the provider that this session signed in with. */
const selectProfile = (db: Db) =>
  db
    .select({
      id: users.id,
      firstName: users.firstName,
      lastName: users.lastName,
      email: users.email,
      birthdate: users.birthdate,
      avatarUrl: users.avatarUrl,
      timezone: users.timezone,
      languagePreference: users.languagePreference,
      notificationPreferences: users.notificationPreferences,
      uiPreferences: users.uiPreferences,
      termsAcceptedAt: users.termsAcceptedAt,
      privacyPolicyAcceptedAt: users.privacyPolicyAcceptedAt,
      createdAt: users.createdAt,
      updatedAt: users.updatedAt,
      provider: identities.provider,
    })
    .from(users)
    .innerJoin(userSessions, eq(userSessions.id, sql`(select app.current_session_id())`))
    .innerJoin(identities, eq(identities.id, userSessions.identityId))

type ProfileRow = Awaited<ReturnType<typeof selectProfile>>[number]

async function profileFrom(caller: Caller, row: ProfileRow): Promise<Profile> {
  const vault = await openVault(caller)
  const [user, birthdate] = await Promise.all([
    userFrom(vault, row),
    vault.read(users.birthdate, row.id, row.birthdate),
  ])
  return { ...user, birthdate }
}
