import { personas, userPersonaPreferences } from '#src/personas/tables.ts'
import type { PersonalData } from '#src/db/personal-data.ts'

export const personasPersonalData: PersonalData = { slice: 'personas', tables: [personas, userPersonaPreferences] }
