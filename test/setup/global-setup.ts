import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client, escapeIdentifier, escapeLiteral } from 'pg'
import type { TestProject } from 'vitest/node'
import { findBrokenRows } from '#scripts/check/find-broken.ts'
import { setUpDatabase } from '#scripts/stack/database/set-up.ts'
import { makeWorkerKeys, workerEnvironment } from '#scripts/stack/environment.ts'
import { startNeonEndpoint } from '#scripts/stack/neon-endpoint.ts'
import { findPgBouncer, startPgBouncer } from '#scripts/stack/pgbouncer.ts'
import { startPostgres } from '#scripts/stack/postgres.ts'
import { startUpstream } from '#scripts/upstream/server.ts'
import { startIndependentProvider } from '#test/setup/providers/independent-provider.ts'
import { startSilentDatabase } from '#test/setup/silent-database.ts'

const origin = 'https://neuraform.test'

/** Starts a real PostgreSQL, set up as an operator would, the local upstream and a local endpoint in Neon's place; stops all when the tests end. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  await using started = new AsyncDisposableStack()
  const directory = await mkdtemp(join(tmpdir(), 'neuraform-test-'))
  started.defer(() => rm(directory, { recursive: true, force: true, maxRetries: 3 }))
  await chmod(directory, 0o755)
  // The scripts that tests run load much the same: what one of them compiled the next one takes.
  process.env['NODE_COMPILE_CACHE'] ??= join(directory, 'compiled')
  const postgres = await startPostgres({
    dataDirectory: join(directory, 'postgres'),
    settings: { max_connections: '400', fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' },
  })
  started.defer(() => postgres.stop())
  await takeWeakPasswords(postgres.ownerUrl)
  const upstream = await startUpstream({ chunkDelayMs: 1 })
  started.defer(() => upstream.close())
  const independent = await startIndependentProvider(`${origin}/auth/google/callback`)
  started.defer(() => independent.close())
  const silent = await startSilentDatabase()
  started.defer(() => silent.close())
  const neon = await startNeonEndpoint()
  started.defer(() => neon.close())
  const urls = await setUpDatabase({
    ownerUrl: postgres.ownerUrl,
    databaseName: 'neuraform',
    onProgress: () => undefined,
  })
  const apart = await setUpDatabase({
    ownerUrl: postgres.ownerUrl,
    databaseName: 'neuraform_apart',
    edgePassword: decodeURIComponent(new URL(urls.edgeUrl).password),
  })
  const variables = workerEnvironment({
    // Tests of replies count what the model is asked.
    given: [{ ENVIRONMENT: 'test', PUBLIC_ORIGIN: origin, LLM_NOTES: 'false', MEMORY_EXTRACTOR: 'rules' }],
    workerOrigin: origin,
    upstreamOrigin: upstream.origin,
    keys: makeWorkerKeys(),
  })
  const pooledUrl = await pooled(started, urls.edgeUrl)
  project.provide('stack', {
    ...urls,
    pooledUrl,
    apart,
    upstreamOrigin: upstream.origin,
    neonEndpoint: neon.url,
    silentPort: silent.port,
    variables,
  })
  const { issuer, clientId, clientSecret } = independent
  project.provide('independent', { issuer, clientId, clientSecret })
  const running = started.move()
  return async () => {
    await using _stopped = running
    await assertEverythingHolds(urls.ownerUrl)
  }
}

/** A password is stretched 4,096 times for each new connection, and tests make thousands; once is as good here. */
async function takeWeakPasswords(ownerUrl: string): Promise<void> {
  const { username, password } = new URL(ownerUrl)
  const client = new Client({ connectionString: ownerUrl })
  await client.connect()
  // PostgreSQL 15 has no such setting.
  const { rows } = await client.query(`select from pg_settings where name = 'scram_iterations'`)
  if (rows.length > 0) {
    await client.query('alter system set scram_iterations = 1')
    await client.query('set scram_iterations = 1')
    await client.query(
      `alter role ${escapeIdentifier(username)} password ${escapeLiteral(decodeURIComponent(password))}`,
    )
    await client.query('select pg_reload_conf()')
  }
  await client.end()
}

/**
 * The Worker's database by a pool of connections: without it, each request of a test is a new connection, whose process
 * reads the catalogue and plans every function anew, which is half of what the tests cost.
 */
async function pooled(started: AsyncDisposableStack, edgeUrl: string): Promise<string> {
  if (findPgBouncer() === undefined) return edgeUrl
  const pool = await startPgBouncer({ databaseUrls: [edgeUrl], poolSize: 40, maxClients: 5_000, clientIdleSeconds: 20 })
  started.defer(() => pool.stop())
  return pool.urlOf(edgeUrl)
}

/** What the tests did through the service must have left nothing broken. */
async function assertEverythingHolds(ownerUrl: string): Promise<void> {
  const client = new Client({ connectionString: ownerUrl })
  await client.connect()
  const broken = await findBrokenRows(client, undefined)
  await client.end()
  if (broken.length > 0) throw new Error(`The tests left something broken: ${JSON.stringify(broken, undefined, 1)}`)
}
