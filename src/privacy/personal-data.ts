import { accountsPersonalData } from '#src/accounts/personal-data.ts'
import { auditChains } from '#src/audit/tables.ts'
import { authPersonalData } from '#src/auth/personal-data.ts'
import { conversationsPersonalData } from '#src/conversations/personal-data.ts'
import type { PersonalData } from '#src/db/personal-data.ts'
import { idempotencyKeys } from '#src/http/tables.ts'
import { memoriesPersonalData } from '#src/memories/personal-data.ts'
import { personasPersonalData } from '#src/personas/personal-data.ts'
import { erasures } from '#src/privacy/tables.ts'
import { usagePersonalData } from '#src/usage/personal-data.ts'
import { voicePersonalData } from '#src/voice/personal-data.ts'

/** What every slice holds of a person. A test compares it with every table that names a user. */
export const personalData: readonly PersonalData[] = [
  accountsPersonalData,
  authPersonalData,
  personasPersonalData,
  conversationsPersonalData,
  memoriesPersonalData,
  voicePersonalData,
  usagePersonalData,
  // An erasure cuts the link; the entries stay, under a name that is nobody's.
  { slice: 'audit', tables: [auditChains] },
  { slice: 'http', tables: [idempotencyKeys] },
  { slice: 'privacy', tables: [erasures] },
]
