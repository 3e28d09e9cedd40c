import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { setUpDatabase } from '#scripts/stack/database/set-up.ts'
import { startPostgres } from '#scripts/stack/postgres.ts'
import { removeCluster } from '#scripts/stack/postgres/home.ts'
import { entryAfter, otherMigrations } from '#test/schema/migration-folder.ts'
import { query } from '#test/schema/snapshot.ts'

it('a first set-up that fails applies nothing and opens no login, so that the next one tells its password', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'neuraform-failing-'))
  const postgres = await startPostgres({ dataDirectory: join(folder, 'postgres'), settings: { fsync: 'off' } })
  onTestFinished(async () => {
    await postgres.stop()
    await removeCluster(join(folder, 'postgres'))
    await rm(folder, { recursive: true })
  })
  const options = { ownerUrl: postgres.ownerUrl, existingPassword: 'keep' } as const
  const migrationsFolder = await otherMigrations((entries) => [...entries, entryAfter(entries.at(-1), '0099_bad', 1)], {
    '0099_bad': '-- Bad.\nselect from nowhere',
  })
  const failure = setUpDatabase({ ...options, migrationsFolder })
  await expect(failure).rejects.toThrow('failed and none was applied: relation "nowhere" does not exist.')
  const made = `select (select count(*)::int from pg_tables where schemaname = 'public') as tables,
    (select rolcanlogin from pg_roles where rolname = 'neuraform_edge') as "canLogIn"`
  expect(await query(postgres.ownerUrl, made)).toEqual([{ tables: 0, canLogIn: false }])

  const { edgeUrl, edgePasswordSource } = await setUpDatabase(options)
  expect(edgePasswordSource).toBe('made')
  expect(await query(edgeUrl, 'select')).toEqual([{}])
})
