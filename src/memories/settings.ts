import { sql } from 'drizzle-orm'
import { users } from '#src/accounts/tables.ts'
import { only } from '#src/db/rows.ts'
import { asUser, type Caller } from '#src/db/scope.ts'
import type { MemorySettings, MemorySettingsChange } from '#src/memories/shapes.ts'

const columns = { is_enabled: users.isRemembered, is_shared: users.isMemoryShared }

/** What the caller decided about being remembered; companions remember, each for itself, where they decided nothing. */
export async function getMemorySettings(caller: Caller): Promise<MemorySettings> {
  const [rows] = await asUser(caller, (db) => [db.select(columns).from(users)])
  return only(rows)
}

/** Changes what it names of that, from the next turn on. */
export async function setMemorySettings(caller: Caller, change: MemorySettingsChange): Promise<MemorySettings> {
  const [rows] = await asUser(caller, (db) => [
    db
      .update(users)
      .set({
        ...(change.is_enabled === undefined ? {} : { isRemembered: change.is_enabled }),
        ...(change.is_shared === undefined ? {} : { isMemoryShared: change.is_shared }),
        updatedAt: sql`now()`,
      })
      .returning(columns),
  ])
  return only(rows)
}
