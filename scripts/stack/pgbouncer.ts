import { existsSync } from 'node:fs'
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { StackFailure } from '#scripts/stack/failure.ts'
import { spawnGuarded, type Account, type GuardedProcess } from '#scripts/stack/guard.ts'
import { findFreePort } from '#scripts/stack/ports.ts'
import { postgresAccount } from '#scripts/stack/postgres/account.ts'
import { reachableFolder } from '#scripts/stack/postgres/binaries.ts'
import { serverEnvironment } from '#scripts/stack/postgres/cluster.ts'
import { watchOutput } from '#scripts/stack/watched-output.ts'

export interface PgBouncer {
  readonly port: number
  /** The URL of a database or login of the target, by way of PgBouncer. */
  urlOf(databaseUrl: string): string
  /** Ends it, with the connections of both sides, and removes its files. A second call waits for the first. */
  stop(): Promise<void>
}

export interface PgBouncerOptions {
  /** One for each login that will come, all on one server: their passwords are taken from here. */
  readonly databaseUrls: readonly [string, ...string[]]
  /** The connections to the server that one login has in one database. */
  readonly poolSize: number
  /** The clients that it takes at once; 1,000 unless told otherwise. */
  readonly maxClients?: number
  /** Whoever says nothing for so long, outside of a transaction, is put out; nobody is unless told otherwise. */
  readonly clientIdleSeconds?: number
}

const readyDeadlineSeconds = 20

/** What to say where it is not installed. */
export const pgBouncerMissing = 'PgBouncer is not installed: “apt-get install pgbouncer” puts Debian’s there.'

/** Where PgBouncer lies: on PATH, or where Debian puts it; undefined where it is not installed. */
export function findPgBouncer(): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin']
  return folders.map((folder) => join(folder, 'pgbouncer')).find((path) => existsSync(path))
}

/**
 * Starts PgBouncer on a free port of 127.0.0.1, pooling by transaction, for every database of the server and the logins
 * that the URLs name; throws StackFailure. Nothing is reset between two transactions, so that what outlives the one is
 * seen by the other. Clients show their password by MD5: SCRAM costs both sides milliseconds for each connection.
 */
export async function startPgBouncer(options: PgBouncerOptions): Promise<PgBouncer> {
  const program = findPgBouncer()
  if (program === undefined) throw new StackFailure(pgBouncerMissing)
  const account = await postgresAccount()
  const folder = await mkdtemp(join(reachableFolder(account), 'neuraform-pgbouncer-'))
  const remove = async () => await rm(folder, { recursive: true, force: true })
  try {
    const { process: pgbouncer, port } = await launch({ program, account, folder }, options)
    return {
      port,
      urlOf: (databaseUrl) => Object.assign(new URL(databaseUrl), { hostname: '127.0.0.1', port: String(port) }).href,
      async stop() {
        await pgbouncer.stop()
        await remove()
      },
    }
  } catch (error) {
    await remove()
    throw error
  }
}

interface Installation {
  readonly program: string
  readonly account: Account | undefined
  readonly folder: string
}

async function launch(
  { program, account, folder }: Installation,
  options: PgBouncerOptions,
  attemptsLeft = 3,
): Promise<{ process: GuardedProcess; port: number }> {
  const port = await findFreePort()
  const configuration = join(folder, 'pgbouncer.ini')
  const logins = join(folder, 'logins.txt')
  await writeFile(configuration, configurationOf(options, port, logins), { mode: 0o600 })
  await writeFile(logins, loginsOf(options.databaseUrls), { mode: 0o600 })
  if (account !== undefined) {
    await Promise.all([folder, configuration, logins].map((path) => chown(path, account.uid, account.gid)))
  }
  const output = watchOutput()
  const started = await spawnGuarded({
    command: program,
    args: [configuration],
    cwd: '/',
    environment: serverEnvironment(),
    account,
    // From 1.23 on, SIGTERM waits for the clients to leave.
    stopSignals: [
      { signal: 'SIGTERM', graceSeconds: 1 },
      { signal: 'SIGQUIT', graceSeconds: 1 },
    ],
    onLine: output.add,
  })
  if (await output.waitFor('process up', started.exited, readyDeadlineSeconds)) return { process: started, port }
  await started.stop()
  if (output.recent().includes('Address already in use') && attemptsLeft > 1) {
    return await launch({ program, account, folder }, options, attemptsLeft - 1)
  }
  throw new StackFailure(`PgBouncer did not start. Its last words:\n${output.recent()}`)
}

// What the drivers send when they connect and PgBouncer does not keep for each client is not passed on.
const ignoredAtStart = [
  'extra_float_digits',
  'options',
  'statement_timeout',
  'lock_timeout',
  'idle_in_transaction_session_timeout',
]

function configurationOf(
  { databaseUrls, poolSize, maxClients = 1_000, clientIdleSeconds = 0 }: PgBouncerOptions,
  port: number,
  logins: string,
) {
  const { hostname, port: serverPort } = new URL(databaseUrls[0])
  const settings = {
    listen_addr: '127.0.0.1',
    listen_port: port,
    unix_socket_dir: '',
    auth_type: 'md5',
    auth_file: logins,
    pool_mode: 'transaction',
    default_pool_size: poolSize,
    max_client_conn: maxClients,
    client_idle_timeout: clientIdleSeconds,
    ignore_startup_parameters: ignoredAtStart.join(','),
    log_connections: 0,
    log_disconnections: 0,
  }
  return [
    '[databases]',
    `* = host=${hostname} port=${serverPort || 5432}`,
    '[pgbouncer]',
    ...Object.entries(settings).map(([name, value]) => `${name} = ${value}`),
    '',
  ].join('\n')
}

function loginsOf(databaseUrls: readonly string[]): string {
  const quoted = (value: string) => `"${decodeURIComponent(value).replaceAll('"', '""')}"`
  const lines = databaseUrls
    .map((url) => new URL(url))
    .map(({ username, password }) => `${quoted(username)} ${quoted(password)}\n`)
  return [...new Set(lines)].join('')
}
