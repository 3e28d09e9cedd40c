import { identities, userKeys, users } from '#src/accounts/tables.ts'
import type { PersonalData } from '#src/db/personal-data.ts'

export const accountsPersonalData: PersonalData = { slice: 'accounts', tables: [users, userKeys, identities] }
