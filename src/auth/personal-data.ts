import { releaseGrants } from '#src/auth/revocations.ts'
import { retiredTokens, userSessions } from '#src/auth/tables.ts'
import type { PersonalData } from '#src/db/personal-data.ts'

export const authPersonalData: PersonalData = {
  slice: 'auth',
  tables: [userSessions, retiredTokens],
  release: releaseGrants,
  sealed: [userSessions.deviceInfo, userSessions.ipPrefix, userSessions.userAgent, userSessions.location],
}
