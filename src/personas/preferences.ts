import { and, eq, ne, sql } from 'drizzle-orm'
import { found } from '#src/db/rows.ts'
import { asUser, type Caller, type Db } from '#src/db/scope.ts'
import { personaFrom, selectPersonas } from '#src/personas/personas.ts'
import type { Persona, PersonaPreferences, PreferencesChange } from '#src/personas/shapes.ts'
import { personas, userPersonaPreferences as preferences } from '#src/personas/tables.ts'

const visible = (db: Db, personaId: string) =>
  db.select({ id: personas.id }).from(personas).where(eq(personas.id, personaId))

const preferencesFor = (db: Db, personaId: string) =>
  db.select().from(preferences).where(eq(preferences.personaId, personaId))

/** What the caller made of a companion; of one with which they never talked, nothing. Throws `not_found`. */
export async function getPreferences(caller: Caller, personaId: string): Promise<PersonaPreferences> {
  const [shown, rows] = await asUser(caller, (db) => [visible(db, personaId), preferencesFor(db, personaId)])
  found(shown)
  return preferencesFrom(rows[0])
}

/** Changes what it names. Another one is active no more where this one is to be. Throws `not_found`. */
export async function setPreferences(
  caller: Caller,
  personaId: string,
  change: PreferencesChange,
): Promise<PersonaPreferences> {
  const { is_favorite: isFavorite = null, is_active: isActive = null } = change
  const settings = change.custom_settings === undefined ? null : JSON.stringify(change.custom_settings)
  const [, , rows] = await asUser(caller, (db) => [
    isActive === true
      ? db
          .update(preferences)
          .set({ isActive: false, updatedAt: sql`now()` })
          // Of a companion that is hidden the next statement knows nothing, and all is as it was.
          .where(and(eq(preferences.isActive, true), ne(preferences.personaId, personaId)))
      : undefined,
    db.execute(sql`
      insert into ${preferences} as f (persona_id, is_favorite, is_active, custom_settings)
      values (${personaId}, coalesce(${isFavorite}, false), coalesce(${isActive}, false), coalesce(${settings}::jsonb, '{}'))
      on conflict (user_id, persona_id) do update set is_favorite = coalesce(${isFavorite}, f.is_favorite),
        is_active = coalesce(${isActive}, f.is_active), custom_settings = coalesce(${settings}::jsonb, f.custom_settings),
        updated_at = now()`),
    preferencesFor(db, personaId),
  ])
  return preferencesFrom(rows[0])
}

/** The companion that the caller has active. Throws `not_found` where there is none. */
export async function getActivePersona(caller: Caller): Promise<Persona> {
  const [rows] = await asUser(caller, (db) => [
    selectPersonas(db).where(
      sql`${personas.id} = (select f.persona_id from ${preferences} f where f.is_active) and ${personas.isActive}`,
    ),
  ])
  return personaFrom(found(rows), caller)
}

type Row = Awaited<ReturnType<typeof preferencesFor>>[number]

const preferencesFrom = (row: Row | undefined): PersonaPreferences => ({
  is_favorite: row?.isFavorite ?? false,
  is_active: row?.isActive ?? false,
  custom_settings: row?.customSettings ?? {},
  interaction_count: row?.interactionCount ?? 0,
  last_interaction_at: row?.lastInteractionAt?.toISOString() ?? null,
})
