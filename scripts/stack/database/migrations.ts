import { join } from 'node:path'
import type { Client } from 'pg'
import { isContention } from '#scripts/stack/database/attempt.ts'
import { assertForward, readMigrations, type AppliedMigration } from '#scripts/stack/database/forward-only.ts'
import { ownerRole } from '#scripts/stack/database/roles.ts'
import { errorCode, StackFailure } from '#scripts/stack/failure.ts'

/** The project's migrations. */
export const defaultMigrationsFolder = join(import.meta.dirname, '../../../drizzle')

/**
 * Applies the migrations that are not applied yet, all or none, as `neuraform_owner`. Forward only: a database that
 * does not have the first ones of the folder, unchanged, is refused and left as it is.
 */
export async function runMigrations(client: Client, folder: string): Promise<{ applied: number; total: number }> {
  await client.query(`set role ${ownerRole}; set search_path = public`)
  try {
    const [before, known] = [await readApplied(client), await readMigrations(folder)]
    assertForward(before, known)
    if (known.length > before.length) await applyAll(client, folder)
    return { applied: known.length - before.length, total: known.length }
  } catch (error) {
    await client.query('rollback')
    throw failureOf(error, folder)
  } finally {
    await client.query('reset role; reset search_path')
  }
}

async function readApplied(client: Client): Promise<readonly AppliedMigration[]> {
  const journal = await client.query(
    `select from pg_tables where schemaname = 'drizzle' and tablename = '__drizzle_migrations'`,
  )
  if (journal.rowCount === 0) return []
  const { rows } = await client.query<{ hash: string; created_at: string }>(
    'select hash, created_at from drizzle.__drizzle_migrations order by created_at',
  )
  return rows.map(({ hash, created_at: writtenAt }) => ({ hash, writtenAt: Number(writtenAt) }))
}

// drizzle takes longer to load than to migrate: a database that is up to date does not wait for it.
async function applyAll(client: Client, folder: string): Promise<void> {
  const [{ drizzle }, { migrate }] = await Promise.all([
    import('drizzle-orm/node-postgres'),
    import('drizzle-orm/node-postgres/migrator'),
  ])
  await migrate(drizzle({ client }), { migrationsFolder: folder })
}

function failureOf(error: unknown, folder: string): unknown {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  if (isContention(cause)) return cause
  if (errorCode(cause) === undefined) return error
  const said = cause instanceof Error ? cause.message : String(cause)
  return new StackFailure(`A migration in ${folder} failed and none was applied: ${said}.`, { cause })
}
