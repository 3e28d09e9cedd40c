import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { cp, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Client } from 'pg'
import { describe, expect, inject, it } from 'vitest'
import { setUpDatabase } from '#scripts/stack/database/set-up.ts'

const root = join(import.meta.dirname, '../..')

describe('migrations', () => {
  it('begin with a comment that says why', async () => {
    const files = (await readdir(join(root, 'drizzle'))).filter((name) => name.endsWith('.sql'))
    const first = await Promise.all(
      files.map(async (name) => (await readFile(join(root, 'drizzle', name), 'utf8')).slice(0, 3)),
    )
    expect(first).toEqual(files.map(() => '-- '))
  })

  it('are what the tables say: drizzle-kit finds nothing to add', async () => {
    const copy = await mkdtemp(join(tmpdir(), 'neuraform-drift-'))
    try {
      for (const name of ['src', 'drizzle', 'drizzle.config.ts', 'package.json', 'tsconfig.json']) {
        await cp(join(root, name), join(copy, name), { recursive: true })
      }
      await symlink(join(root, 'node_modules'), join(copy, 'node_modules'))
      const kit = join(root, 'node_modules/drizzle-kit/bin.cjs')
      const { stdout } = await promisify(execFile)(process.execPath, [kit, 'generate', '--name', 'drift'], {
        cwd: copy,
      })
      expect(stdout).toContain('No schema changes')
    } finally {
      await rm(copy, { recursive: true, force: true })
    }
  })

  it('and set-up change nothing the second time', async () => {
    const { ownerUrl, edgeUrl } = inject('stack')
    const edgePassword = decodeURIComponent(new URL(edgeUrl).password)
    const once = await setUpDatabase({ ownerUrl, databaseName: 'neuraform_twice', edgePassword })
    const before = await fingerprint(once.ownerUrl)
    await setUpDatabase({ ownerUrl, databaseName: 'neuraform_twice', edgePassword })
    expect(await fingerprint(once.ownerUrl)).toEqual(before)
  })

  it('make every constraint that the error map names', async () => {
    const source = await readFile(join(root, 'src/db/postgres-errors.ts'), 'utf8')
    const named = [...source.matchAll(/^ {2}(\w+_(?:pkey|key|fkey|check)):/gm)].map(([, name]) => name)
    const client = new Client({ connectionString: inject('stack').ownerUrl })
    await client.connect()
    const { rows } = await client.query<{ name: string }>(`
      select conname as name from pg_constraint union select relname from pg_class where relkind = 'i'`)
    await client.end()
    const made = new Set(rows.map(({ name }) => name))
    expect(named.length).toBeGreaterThan(4)
    expect(named.filter((name) => name === undefined || !made.has(name))).toEqual([])
  })
})

/** Everything that set-up makes, as text: columns, policies, functions, grants and the built-in companions. */
async function fingerprint(connectionString: string): Promise<unknown[]> {
  const client = new Client({ connectionString })
  await client.connect()
  const { rows } = await client.query(`
    select 'column' as kind, table_name || column_name || data_type || coalesce(column_default, '') as what
      from information_schema.columns where table_schema = 'public'
    union all select 'policy', policyname || coalesce(qual, '') || coalesce(with_check, '') from pg_policies
    union all select 'function', proname || prosrc from pg_proc where pronamespace = 'app'::regnamespace
    union all select 'grant', grantee || table_name || privilege_type from information_schema.role_table_grants
      where table_schema = 'public'
    union all select 'persona', to_jsonb(p)::text from public.personas p order by 1, 2`)
  await client.end()
  return rows
}
