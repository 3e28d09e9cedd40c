import { identities, userKeys, users } from '#src/accounts/tables.ts'
import type { PersonalData } from '#src/db/personal-data.ts'

export const accountsPersonalData: PersonalData = {
  slice: 'accounts',
  tables: [users, userKeys, identities],
  sealed: [users.firstName, users.lastName, users.email, users.birthdate, identities.email, identities.refreshToken],
}
