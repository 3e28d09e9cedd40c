import { join } from 'node:path'
import type { Client } from 'pg'
import { isContention } from '#scripts/stack/database/attempt.ts'
import {
  assertForward,
  readMigrations,
  type AppliedMigration,
  type Migration,
} from '#scripts/stack/database/forward-only.ts'
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
    await apply(client, known.slice(before.length))
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

/** Keeps the journal that drizzle keeps; its own migrator loads all of drizzle, which takes longer than to migrate. */
async function apply(client: Client, migrations: readonly Migration[]): Promise<void> {
  await client.query('create schema if not exists drizzle')
  await client.query(
    `create table if not exists drizzle.__drizzle_migrations (id serial primary key, hash text not null, created_at bigint)`,
  )
  await client.query('begin')
  for (const { statements, hash, writtenAt } of migrations) {
    for (const statement of statements) await client.query(statement)
    await client.query('insert into drizzle.__drizzle_migrations (hash, created_at) values ($1, $2)', [hash, writtenAt])
  }
  await client.query('commit')
}

function failureOf(error: unknown, folder: string): unknown {
  if (isContention(error) || errorCode(error) === undefined) return error
  const said = error instanceof Error ? error.message : String(error)
  return new StackFailure(`A migration in ${folder} failed and none was applied: ${said}.`, { cause: error })
}
