import type { PersonalData } from '#src/db/personal-data.ts'
import { memories, memorySources } from '#src/memories/tables.ts'

export const memoriesPersonalData: PersonalData = {
  slice: 'memories',
  tables: [memories, memorySources],
  sealed: [memories.content],
}
