import { Client } from 'pg'
import { expect, inject, it, onTestFinished } from 'vitest'
import { setUpDatabase, type SetUpOptions } from '#scripts/stack/database/set-up.ts'
import { entryAfter, otherMigrations } from '#test/schema/migration-folder.ts'
import { everythingIn, query } from '#test/schema/snapshot.ts'
import { eventually } from '#test/setup/eventually.ts'

const advice =
  /^StackFailure: A transaction held what this needs for more than 2 seconds, so it gave up and changed nothing\. Find it: .*pg_stat_activity.*pg_terminate_backend\(PID\)”, and run this again\.$/

const stackPassword = () => decodeURIComponent(new URL(inject('stack').edgeUrl).password)

const setUp = async (databaseName: string, options: Partial<SetUpOptions> = {}) =>
  await setUpDatabase({
    ownerUrl: inject('stack').ownerUrl,
    databaseName,
    edgePassword: stackPassword(),
    ...options,
  })

/** A transaction that stays open with what a statement locks. */
async function hold(connectionString: string, statement: string): Promise<{ release: () => Promise<unknown> }> {
  const client = new Client({ connectionString })
  await client.connect()
  onTestFinished(() => client.end())
  await client.query(`begin; ${statement}`)
  return { release: () => client.query('rollback') }
}

const newer = () =>
  otherMigrations(
    (entries) => [
      ...entries,
      entryAfter(entries.at(-1), '0098_first', 1),
      entryAfter(entries.at(-1), '0099_second', 2),
    ],
    {
      '0098_first': '-- A step that could be done.\ncreate table public.half_applied (id uuid primary key)',
      '0099_second': '-- A step that needs a table for itself.\nalter table public.messages add column weight integer',
    },
  )

it('a migration gives up soon on a table that a transaction reads, changes nothing, and lets readers go on', async () => {
  const { ownerUrl } = await setUp('neuraform_busy')
  const migrationsFolder = await newer()
  const before = await everythingIn(ownerUrl)
  const reader = await hold(ownerUrl, 'select from public.messages')
  const startedAt = performance.now()
  const settingUp = setUp('neuraform_busy', { migrationsFolder }).catch((error: unknown) => error)
  const waiting = `select from pg_locks where relation = 'public.messages'::regclass and not granted`
  await eventually(async () => expect((await query(ownerUrl, waiting)).length).toBe(1))

  await query(ownerUrl, `set statement_timeout = '5s'; select from public.messages`)
  expect(String(await settingUp)).toMatch(advice)
  expect(performance.now() - startedAt).toBeLessThan(5_000)
  expect(await everythingIn(ownerUrl)).toEqual(before)

  await reader.release()
  const lines: string[] = []
  await setUp('neuraform_busy', { migrationsFolder, onProgress: (line) => lines.push(line) })
  expect(lines.find((line) => line.startsWith('Migrations'))).toMatch(/^Migrations: 2 applied, \d+ in all$/)
  expect(await query(ownerUrl, 'select id, weight from half_applied left join messages using (id)')).toEqual([])
})

it('a set-up gives up as soon on companions that somebody changes, and the Worker’s password is still the old one', async () => {
  const { ownerUrl, edgeUrl } = await setUp('neuraform_held')
  const writer = await hold(ownerUrl, 'select from public.personas for update')
  const refusal = await setUp('neuraform_held', { edgePassword: undefined }).catch((error: unknown) => error)
  const login = await query(edgeUrl, 'select').catch((error: unknown) => error)
  await writer.release()
  await setUp('neuraform_held')
  expect(String(refusal)).toMatch(advice)
  expect(login).toEqual([{}])
})
