import { escapeIdentifier, type Client } from 'pg'
import { attempt, inTransaction } from '#scripts/stack/database/attempt.ts'
import { edgeRole, ownerRole } from '#scripts/stack/database/roles.ts'
import { StackFailure } from '#scripts/stack/failure.ts'

/** Throws unless the connecting user owns the database; asked first, so that nothing is made before it fails. */
export async function assertOwnsDatabase(client: Client, database: string): Promise<void> {
  const found = await client.query<{ isOwner: boolean }>(
    `select pg_has_role(current_user, datdba, 'usage') as "isOwner" from pg_database where datname = current_database()`,
  )
  if (found.rows[0]?.isOwner === true) return
  throw new StackFailure(`${client.user} does not own the database “${database}”. ${ownershipRemedy(client, database)}`)
}

/**
 * Closes the database to everybody but its owner and the Worker's login, and gives `neuraform_owner` the schema `app`
 * and the right to create in `public`. Safe to repeat.
 */
export async function ensurePrivileges(client: Client, database: string): Promise<void> {
  const name = escapeIdentifier(database)
  const undertaking = {
    what: `set privileges in the database “${database}”`,
    remedy: ownershipRemedy(client, database),
  }
  await attempt(client, undertaking, () =>
    inTransaction(client, async () => {
      await client.query(`
        revoke connect, temporary on database ${name} from public;
        grant connect on database ${name} to ${edgeRole};
        grant create on database ${name} to ${ownerRole};
        revoke create on schema public from public;
        grant usage, create on schema public to ${ownerRole};
      `)
      await client.query(`create schema if not exists app authorization ${ownerRole}`)
    }),
  )
  await assertPrivileges(client, database, undertaking.remedy)
}

/** GRANT and REVOKE by somebody who does not own the thing are a warning and change nothing, so look at the outcome. */
async function assertPrivileges(client: Client, database: string, remedy: string): Promise<void> {
  const found = await client.query<Record<string, boolean>>(
    `select has_database_privilege($1, current_database(), 'connect') as "connect to it as ${edgeRole}",
        not has_database_privilege($1, current_database(), 'temporary') as "keep temporary tables from everybody",
        not has_schema_privilege($1, 'public', 'create') as "keep the schema public from everybody",
        has_database_privilege($2, current_database(), 'create')
          and has_schema_privilege($2, 'public', 'create') as "create in it as ${ownerRole}",
        exists (select from pg_namespace where nspname = 'app' and nspowner = $2::regrole)
          as "own the schema app as ${ownerRole}"`,
    [edgeRole, ownerRole],
  )
  const missing = Object.entries(found.rows[0] ?? {}).find(([, holds]) => !holds)?.[0]
  if (missing !== undefined) throw new StackFailure(`In the database “${database}” one cannot ${missing}. ${remedy}`)
}

function ownershipRemedy(client: Client, database: string): string {
  const [name, user] = [database, client.user ?? ''].map((one) => escapeIdentifier(one))
  return `Run this as its owner, or have an administrator run “alter database ${name} owner to ${user}”.`
}
