import { mkdir, readdir, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { setUpDatabase, type DatabaseUrls } from '#scripts/stack/database/set-up.ts'
import { readEnvFile } from '#scripts/stack/env-file.ts'
import { configurationNames, workerEnvironment, type Variables } from '#scripts/stack/environment.ts'
import { loadLocalSecrets, type LocalSecrets } from '#scripts/stack/local-secrets.ts'
import { collectParts, type Parts } from '#scripts/stack/parts.ts'
import { findFreePort, requireFreePort } from '#scripts/stack/ports.ts'
import { startPostgres } from '#scripts/stack/postgres.ts'
import { removeCluster } from '#scripts/stack/postgres/home.ts'
import { lockState } from '#scripts/stack/state-lock.ts'
import { startWorker } from '#scripts/stack/worker.ts'
import { startUpstream } from '#scripts/upstream/server.ts'

export interface StackOptions {
  /** Holds the database, the Worker's storage and the local secrets from one start to the next. */
  readonly stateDirectory: string
  /** Throw away what the state directory holds. A database that DATABASE_URL names is left alone. */
  readonly fresh?: boolean
  /** The Worker's port if it is free; PORT in the environment must be free. */
  readonly port?: number
  /** Configuration; `process.env` unless told otherwise. */
  readonly environment?: Readonly<Record<string, string | undefined>>
  /** A `.dev.vars` whose values count after the environment's and before the local defaults. */
  readonly devVarsFile?: string
  /** Server settings of the local PostgreSQL. */
  readonly postgresSettings?: Readonly<Record<string, string>>
  readonly onProgress?: (line: string) => void
  /** What wrangler and the Worker print. */
  readonly onLog?: (line: string) => void
  /** Stops the stack, also one that is still starting: startStack then throws. */
  readonly signal?: AbortSignal
}

export interface Stack {
  /** The Worker's origin. */
  readonly origin: string
  readonly upstreamOrigin: string
  readonly ownerUrl: string
  /** What the Worker runs with. */
  readonly environment: Readonly<Record<string, string>>
  /** Resolves when the Worker has ended, whoever ended it. */
  readonly workerExited: Promise<void>
  /** Stops every part in reverse order; a second call waits for the first. */
  stop(): Promise<void>
}

/** Where the Worker and the upstream listen unless those ports are taken or PORT names another. */
const defaultPorts = { worker: 8787, upstream: 8788, postgres: 54_329 }

/**
 * Starts the whole service on this machine: PostgreSQL (or the one of DATABASE_URL) with its set-up, the local
 * upstream and the Worker. Whatever had started is stopped again when a later part fails; throws StackFailure.
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  const parts = collectParts()
  // What cannot be stopped is reported by the call of stop that follows.
  options.signal?.addEventListener('abort', () => void parts.stopAll().catch(() => undefined))
  try {
    return await startParts(options, parts)
  } catch (error) {
    await parts.stopAll()
    throw error
  }
}

async function startParts(options: StackOptions, parts: Parts): Promise<Stack> {
  const given = options.environment ?? process.env
  const onProgress = options.onProgress ?? (() => undefined)
  const stateDirectory = resolve(options.stateDirectory)
  const port = await choosePort(options.port, given['PORT'])
  const secrets = await openState(stateDirectory, options.fresh === true, parts)
  const [database, upstreamOrigin, devVars] = await Promise.all([
    startDatabase(options, stateDirectory, secrets, parts),
    findFreePort(defaultPorts.upstream).then((free) => startLocalUpstream(free, parts)),
    readDevVars(options.devVarsFile, onProgress),
  ])
  const environment = workerEnvironment({
    given: [given, devVars],
    workerOrigin: `http://localhost:${port}`,
    upstreamOrigin,
    keys: secrets.workerKeys,
  })
  onProgress('Starting the Worker')
  const worker = await parts.keep(
    startWorker({
      projectDirectory: join(import.meta.dirname, '../..'),
      port,
      env: environment,
      databaseUrl: database.edgeUrl,
      persistTo: join(stateDirectory, 'worker'),
      onLog: options.onLog,
      signal: options.signal,
    }),
  )
  return {
    origin: worker.origin,
    upstreamOrigin,
    ownerUrl: database.ownerUrl,
    environment,
    workerExited: worker.exited,
    stop: () => parts.stopAll(),
  }
}

async function readDevVars(file: string | undefined, onProgress: (line: string) => void): Promise<Variables> {
  const variables = file === undefined ? {} : await readEnvFile(file)
  const names = configurationNames.filter((name) => variables[name])
  if (names.length > 0) onProgress(`From ${file}, unless the environment names them: ${names.join(', ')}`)
  return variables
}

async function choosePort(preferred: number | undefined, named: string | undefined): Promise<number> {
  return named === undefined || named === ''
    ? await findFreePort(preferred ?? defaultPorts.worker)
    : await requireFreePort('PORT', named)
}

async function openState(stateDirectory: string, isFresh: boolean, parts: Parts): Promise<LocalSecrets> {
  await mkdir(stateDirectory, { recursive: true })
  const unlock = lockState(stateDirectory)
  await parts.keep({ stop: unlock })
  if (isFresh) await emptyState(stateDirectory)
  return await loadLocalSecrets(stateDirectory)
}

/** Removes a state directory that no stack uses any more, and the database that it may hold elsewhere. */
export async function removeState(stateDirectory: string): Promise<void> {
  await removeCluster(resolve(stateDirectory, 'postgres'))
  await rm(stateDirectory, { recursive: true, force: true })
}

async function emptyState(stateDirectory: string): Promise<void> {
  await removeCluster(join(stateDirectory, 'postgres'))
  for (const name of await readdir(stateDirectory)) {
    if (name !== 'lock') await rm(join(stateDirectory, name), { recursive: true, force: true })
  }
}

async function startDatabase(
  options: StackOptions,
  stateDirectory: string,
  secrets: LocalSecrets,
  parts: Parts,
): Promise<DatabaseUrls> {
  const given = options.environment ?? process.env
  const onProgress = options.onProgress ?? (() => undefined)
  const edgePassword = given['EDGE_PASSWORD'] || secrets.edgePassword
  if (given['DATABASE_URL'] && !given['EDGE_PASSWORD']) {
    onProgress(`neuraform_edge gets the password in ${stateDirectory}/secrets.json; EDGE_PASSWORD would name another`)
  }
  if (given['DATABASE_URL']) return await setUpDatabase({ ownerUrl: given['DATABASE_URL'], edgePassword, onProgress })
  const postgres = await parts.keep(
    startPostgres({
      dataDirectory: join(stateDirectory, 'postgres'),
      port: defaultPorts.postgres,
      settings: options.postgresSettings ?? {},
      onProgress,
    }),
  )
  return await setUpDatabase({ ownerUrl: postgres.ownerUrl, databaseName: 'neuraform', edgePassword, onProgress })
}

async function startLocalUpstream(port: number, parts: Parts): Promise<string> {
  const upstream = await startUpstream({ port })
  await parts.keep({ stop: () => upstream.close() })
  return upstream.origin
}
