import { join } from 'node:path'
import { drizzle } from 'drizzle-orm/node-postgres'
import { migrate } from 'drizzle-orm/node-postgres/migrator'
import type { Client } from 'pg'
import { ownerRole } from '#scripts/stack/database/roles.ts'
import { errorCode, StackFailure } from '#scripts/stack/failure.ts'

/** The project's migrations. */
export const defaultMigrationsFolder = join(import.meta.dirname, '../../../drizzle')

/**
 * Applies the migrations that are not applied yet, all or none, as `neuraform_owner`. A table that somebody holds
 * for more than five seconds makes it give up, for behind a waiting DDL statement every query of the service queues.
 */
export async function runMigrations(client: Client, folder: string): Promise<{ applied: number; total: number }> {
  await client.query(`set role ${ownerRole}; set lock_timeout = '5s'; set search_path = public`)
  try {
    const before = await countApplied(client)
    await migrate(drizzle({ client }), { migrationsFolder: folder })
    const total = await countApplied(client)
    return { applied: total - before, total }
  } catch (error) {
    await client.query('rollback')
    throw failureOf(error, folder)
  } finally {
    await client.query('reset role; reset lock_timeout; reset search_path')
  }
}

async function countApplied(client: Client): Promise<number> {
  const journal = await client.query(
    `select from pg_tables where schemaname = 'drizzle' and tablename = '__drizzle_migrations'`,
  )
  if (journal.rowCount === 0) return 0
  const counted = await client.query<{ count: string }>('select count(*) from drizzle.__drizzle_migrations')
  return Number(counted.rows[0]?.count)
}

function failureOf(error: unknown, folder: string): unknown {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  if (errorCode(cause) === '55P03') {
    return new StackFailure('A table is in use, so that no migration could start within 5 seconds. Try again.', {
      cause,
    })
  }
  if (errorCode(cause) === undefined) return error
  const said = cause instanceof Error ? cause.message : String(cause)
  return new StackFailure(`A migration in ${folder} failed and none was applied: ${said}.`, { cause })
}
