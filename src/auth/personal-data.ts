import { userSessions } from '#src/auth/tables.ts'
import type { PersonalData } from '#src/db/personal-data.ts'

export const authPersonalData: PersonalData = {
  slice: 'auth',
  tables: [userSessions],
  sealed: [userSessions.deviceInfo, userSessions.ipPrefix, userSessions.userAgent],
}
