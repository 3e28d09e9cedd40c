import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { setUpDatabase } from '#scripts/stack/database/set-up.ts'
import { makeWorkerKeys, workerEnvironment } from '#scripts/stack/environment.ts'
import { startPostgres } from '#scripts/stack/postgres.ts'
import { startUpstream } from '#scripts/upstream/server.ts'

/** Starts a real PostgreSQL, set up as an operator would, and the local upstream; stops both when the tests end. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const directory = await mkdtemp(join(tmpdir(), 'neuraform-test-'))
  await chmod(directory, 0o755)
  const [postgres, upstream] = await Promise.all([
    startPostgres({
      dataDirectory: join(directory, 'postgres'),
      settings: { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' },
    }),
    startUpstream({ chunkDelayMs: 1 }),
  ])
  const urls = await setUpDatabase({
    ownerUrl: postgres.ownerUrl,
    databaseName: 'neuraform',
    onProgress: () => undefined,
  })
  const variables = workerEnvironment({
    given: [{ ENVIRONMENT: 'test', PUBLIC_ORIGIN: 'https://neuraform.test' }],
    workerOrigin: 'https://neuraform.test',
    upstreamOrigin: upstream.origin,
    keys: makeWorkerKeys(),
  })
  project.provide('stack', { ...urls, upstreamOrigin: upstream.origin, variables })
  return async () => {
    await Promise.all([upstream.close(), postgres.stop()])
    await rm(directory, { recursive: true, force: true })
  }
}
