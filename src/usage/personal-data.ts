import type { PersonalData } from '#src/db/personal-data.ts'
import { usageDays, usageLedger } from '#src/usage/tables.ts'

export const usagePersonalData: PersonalData = { slice: 'usage', tables: [usageLedger, usageDays] }
