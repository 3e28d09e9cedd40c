import { retiredTokens, userSessions } from '#src/auth/tables.ts'
import type { PersonalData } from '#src/db/personal-data.ts'

export const authPersonalData: PersonalData = {
  slice: 'auth',
  tables: [userSessions, retiredTokens],
  sealed: [userSessions.deviceInfo, userSessions.ipPrefix, userSessions.userAgent, userSessions.location],
}
