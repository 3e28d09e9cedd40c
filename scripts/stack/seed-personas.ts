import { escapeIdentifier, type Client } from 'pg'
import { builtInPersonas } from '#src/personas/built-in-personas.ts'

/**
 * Writes the built-in personas, found by id, and answers how many rows changed; one that is as it should be is not
 * touched. The connection's user must be allowed to act as `neuraform_jobs`, the role that may write them.
 */
export async function seedBuiltInPersonas(client: Client): Promise<number> {
  await client.query('begin')
  try {
    await client.query('set local role neuraform_jobs')
    let changed = 0
    for (const persona of builtInPersonas) changed += await upsertPersona(client, persona)
    await client.query('commit')
    return changed
  } catch (error) {
    await client.query('rollback')
    throw error
  }
}

async function upsertPersona(client: Client, persona: object): Promise<number> {
  const columns = Object.keys(persona).map((column) => escapeIdentifier(column))
  const parameters = columns.map((_, index) => `$${index + 1}`)
  const list = (prefix: string) => columns.map((column) => `${prefix}.${column}`).join(', ')
  const assignments = columns.map((column) => `${column} = excluded.${column}`)
  const written = await client.query(
    `insert into public.personas (${columns.join(', ')}) values (${parameters.join(', ')})
      on conflict (id) do update set ${assignments.join(', ')}, updated_at = now()
      where (${list('personas')}) is distinct from (${list('excluded')})`,
    Object.values(persona).map((value: unknown) => columnValue(value)),
  )
  return written.rowCount ?? 0
}

/** Arrays are arrays of PostgreSQL, other objects are JSON. */
function columnValue(value: unknown): unknown {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? JSON.stringify(value) : value
}
