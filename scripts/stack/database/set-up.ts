import { escapeIdentifier, type Client } from 'pg'
import { attempt, withoutQueueing } from '#scripts/stack/database/attempt.ts'
import { connect, databaseIn, parseDatabaseUrl, withDatabase, withLogin } from '#scripts/stack/database/connection.ts'
import { defaultMigrationsFolder, runMigrations } from '#scripts/stack/database/migrations.ts'
import { assertOwnsDatabase, ensurePrivileges } from '#scripts/stack/database/privileges.ts'
import {
  edgeRole,
  ensureRoles,
  openLogin,
  type EdgeLogin,
  type ExistingPassword,
} from '#scripts/stack/database/roles.ts'
import { errorCode, StackFailure } from '#scripts/stack/failure.ts'
import { seedBuiltInPersonas } from '#scripts/stack/seed-personas.ts'

export interface SetUpOptions {
  /** A superuser's URL, or that of a role with CREATEROLE that owns the database or has CREATEDB. */
  readonly ownerUrl: string
  /** The one that the URL names, else `neuraform`; made if it is not there. */
  readonly databaseName?: string
  readonly edgePassword?: string | undefined
  /** `replace` unless told otherwise. */
  readonly existingPassword?: ExistingPassword
  readonly migrationsFolder?: string
  readonly onProgress?: (line: string) => void
}

export interface DatabaseUrls {
  /** The Worker's: login `neuraform_edge`, without a password when an existing one was kept. */
  readonly edgeUrl: string
  /** The owner's URL of the same database. */
  readonly ownerUrl: string
  readonly edgePasswordSource: EdgeLogin['source']
}

const oldestVersion = 15

const passwordNews = {
  given: 'has the password that was given',
  made: 'has a new random password',
  replaced: 'was there and has a new random password: whoever used the old one needs it',
  kept: 'keeps its password',
}

/**
 * Brings a database to what the Worker needs: the database, roles, privileges, migrations and built-in personas. Safe
 * to repeat and to run twice at once; throws a StackFailure that says what it may not do and who can change that.
 */
export async function setUpDatabase(options: SetUpOptions): Promise<DatabaseUrls> {
  const onProgress = options.onProgress ?? (() => undefined)
  const url = parseDatabaseUrl(options.ownerUrl)
  const database = options.databaseName ?? databaseIn(url) ?? 'neuraform'
  const client = await openDatabase(url, database, onProgress)
  try {
    await takeTurn(client)
    await assertOwnsDatabase(client, database)
    await ensureRoles(client)
    await ensurePrivileges(client, database)
    onProgress('Roles and privileges are there')
    const folder = options.migrationsFolder ?? defaultMigrationsFolder
    const { applied, total } = await withoutQueueing(client, () => runMigrations(client, folder))
    onProgress(`Migrations: ${applied} applied, ${total} in all`)
    const changed = await withoutQueueing(client, () => seedBuiltInPersonas(client))
    const login = await openLogin(client, options.edgePassword, options.existingPassword ?? 'replace')
    onProgress(`${edgeRole} ${passwordNews[login.source]}`)
    onProgress(`Built-in personas: ${changed} written`)
    const ownerUrl = withDatabase(url, database)
    return {
      edgeUrl: withLogin(ownerUrl, edgeRole, login.password).href,
      ownerUrl: ownerUrl.href,
      edgePasswordSource: login.source,
    }
  } finally {
    await client.end()
  }
}

async function openDatabase(url: URL, database: string, onProgress: (line: string) => void): Promise<Client> {
  const wanted = withDatabase(url, database)
  try {
    const client = await connect(wanted)
    await checkServer(client, onProgress)
    return client
  } catch (error) {
    const isMissing = error instanceof StackFailure && errorCode(error.cause) === '3D000'
    if (!isMissing) throw error
  }
  const first = databaseIn(url)
  const maintenance = await connect(withDatabase(url, first === undefined || first === database ? 'postgres' : first))
  try {
    await checkServer(maintenance, () => undefined)
    await createDatabase(maintenance, database)
    onProgress(`Database ${database} made`)
  } finally {
    await maintenance.end()
  }
  const client = await connect(wanted)
  await checkServer(client, onProgress)
  return client
}

async function checkServer(client: Client, onProgress: (line: string) => void): Promise<void> {
  const found = await client.query<{ version: string; number: number; encoding: string }>(
    `select current_setting('server_version') as version, current_setting('server_version_num')::int as number,
        current_setting('server_encoding') as encoding`,
  )
  const { version, number, encoding } = found.rows[0] ?? { version: 'unknown', number: 0, encoding: 'unknown' }
  const complaint =
    number < oldestVersion * 10_000
      ? `This is PostgreSQL ${version}; ${oldestVersion} is the oldest that will do. Upgrade it, or name another with DATABASE_URL.`
      : `The database ${client.database ?? ''} is encoded in ${encoding}; it must be UTF8. Name another one with DATABASE_URL.`
  if (number >= oldestVersion * 10_000 && encoding === 'UTF8')
    return onProgress(`PostgreSQL ${version}, database ${client.database ?? ''}`)
  await client.end()
  throw new StackFailure(complaint)
}

async function createDatabase(client: Client, database: string): Promise<void> {
  const name = escapeIdentifier(database)
  const undertaking = {
    what: `make the database “${database}”`,
    remedy: `Have an administrator run “create database ${name} owner ${escapeIdentifier(client.user ?? '')}”.`,
  }
  try {
    await attempt(client, undertaking, () => client.query(`create database ${name} template template0 encoding 'UTF8'`))
  } catch (error) {
    // Another set-up made it in the same moment.
    if (!['42P04', '23505'].includes(errorCode(error) ?? '')) throw error
  }
}

/** Waits for another set-up of this database; the lock goes with the connection. */
async function takeTurn(client: Client): Promise<void> {
  await client.query(`set lock_timeout = '60s'`)
  try {
    await client.query(`select pg_advisory_lock(hashtextextended('neuraform set-up', 0))`)
  } catch (error) {
    if (errorCode(error) !== '55P03') throw error
    throw new StackFailure(
      'Another set-up of this database has been running for a minute. Try again when it has ended.',
    )
  }
  await client.query('reset lock_timeout')
}
