import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cp, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Client } from 'pg'
import { describe, expect, inject, it } from 'vitest'
import { setUpDatabase } from '#scripts/stack/database/set-up.ts'
import written from '#test/schema/migration-hashes.json' with { type: 'json' }

const root = join(import.meta.dirname, '../..')

describe('migrations', () => {
  it('begin with a comment that says why', async () => {
    const files = (await readdir(join(root, 'drizzle'))).filter((name) => name.endsWith('.sql'))
    const first = await Promise.all(
      files.map(async (name) => (await readFile(join(root, 'drizzle', name), 'utf8')).slice(0, 3)),
    )
    expect(first).toEqual(files.map(() => '-- '))
  })

  it('stay as they are once they are written down: what is applied somewhere is never applied again', async () => {
    const files = (await readdir(join(root, 'drizzle'))).filter((name) => name.endsWith('.sql'))
    const hashes = await Promise.all(
      files.map(async (name) => [
        name,
        createHash('sha256')
          .update(await readFile(join(root, 'drizzle', name)))
          .digest('hex'),
      ]),
    )
    expect(Object.fromEntries(hashes)).toEqual(written)
  })

  it('are what the tables say: drizzle-kit finds nothing to add', async () => {
    await inCopy(async (copy) => {
      expect(await generate(copy)).toContain('No schema changes')
    })
  })

  it('make the tables that drizzle-kit would make from nothing, and one foreign key that it cannot say', async () => {
    const { ownerUrl } = inject('stack')
    const generated = await inCopy(async (copy) => {
      await rm(join(copy, 'drizzle'), { recursive: true })
      await generate(copy)
      return await readFile(join(copy, 'drizzle/0000_drift.sql'), 'utf8')
    })
    const settings = await readFile(join(root, 'drizzle/0000_session_settings.sql'), 'utf8')
    const url = new URL(ownerUrl)
    await query(ownerUrl, 'create database neuraform_drift')
    url.pathname = '/neuraform_drift'
    await query(url.href, `create schema app; ${settings}; ${generated}`)
    const byHand = 'turns turns_session_id_user_id_fkey'
    const made = (await query(ownerUrl, tableParts)).filter(({ what }) => !String(what).startsWith(byHand))
    expect(made.length).toBeGreaterThan(200)
    expect(made).toEqual(await query(url.href, tableParts))
  })

  it('and set-up change nothing the second time', async () => {
    const { ownerUrl, edgeUrl } = inject('stack')
    const edgePassword = decodeURIComponent(new URL(edgeUrl).password)
    const options = { ownerUrl, databaseName: 'neuraform_twice', edgePassword }
    const once = await setUpDatabase(options)
    const everything = async () => [await query(once.ownerUrl, tableParts), await query(once.ownerUrl, otherParts)]
    const before = await everything()
    expect(before.flat().length).toBeGreaterThan(400)
    await setUpDatabase(options)
    expect(await everything()).toEqual(before)
  })

  it('make every constraint that the error map names', async () => {
    const source = await readFile(join(root, 'src/db/postgres-errors.ts'), 'utf8')
    const named = [...source.matchAll(/^ {2}(\w+_(?:pkey|key|fkey|check)):/gm)].map(([, name]) => name)
    const rows = await query(
      inject('stack').ownerUrl,
      'select conname as name from pg_constraint union select relname from pg_class where relkind = $$i$$',
    )
    const made = new Set(rows.map(({ name }) => name))
    expect(named.length).toBeGreaterThan(4)
    expect(named.filter((name) => !made.has(name))).toEqual([])
  })
})

/** Runs work in a copy of what drizzle-kit reads and writes. */
async function inCopy<T>(work: (copy: string) => Promise<T>): Promise<T> {
  const copy = await mkdtemp(join(tmpdir(), 'neuraform-drift-'))
  try {
    for (const name of ['src', 'drizzle', 'drizzle.config.ts', 'package.json', 'tsconfig.json']) {
      await cp(join(root, name), join(copy, name), { recursive: true })
    }
    await symlink(join(root, 'node_modules'), join(copy, 'node_modules'))
    return await work(copy)
  } finally {
    await rm(copy, { recursive: true, force: true })
  }
}

async function generate(copy: string): Promise<string> {
  const kit = join(root, 'node_modules/drizzle-kit/bin.cjs')
  const run = promisify(execFile)(process.execPath, [kit, 'generate', '--name', 'drift'], { cwd: copy })
  return (await run).stdout
}

async function query(connectionString: string, text: string): Promise<readonly Record<string, unknown>[]> {
  const client = new Client({ connectionString })
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(text)).rows
  } finally {
    await client.end()
  }
}

/** What `tables.ts` can say of a table. */
const tableParts = `
  select 'column' as kind, concat_ws(' ', table_name, column_name, data_type, is_nullable, column_default) as what
    from information_schema.columns where table_schema = 'public'
  union all select 'constraint', concat_ws(' ', conrelid::regclass, conname, pg_get_constraintdef(oid)) from pg_constraint
    where connamespace = 'public'::regnamespace
  union all select 'index', indexdef from pg_indexes where schemaname = 'public'
  union all select 'policy', p::text from pg_policies p
  union all select 'row security', concat_ws(' ', relname, relrowsecurity) from pg_class
    where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
  order by 1, 2`

/** What set-up makes beside that: functions, privileges, comments and the built-in companions. */
const otherParts = `
  select 'trigger' as kind, pg_get_triggerdef(oid) as what from pg_trigger where not tgisinternal
  union all select 'relation', concat_ws(' ', relname, relowner::regrole, relforcerowsecurity, relacl) from pg_class
    where relnamespace = 'public'::regnamespace
  union all select 'grant', concat_ws(' ', attrelid::regclass, attname, attacl) from pg_attribute where attacl is not null
    and attrelid in (select oid from pg_class where relnamespace = 'public'::regnamespace)
  union all select 'function', concat_ws(' ', pg_get_functiondef(oid), proowner::regrole, proacl) from pg_proc
    where pronamespace = 'app'::regnamespace
  union all select 'schema', concat_ws(' ', nspname, nspowner::regrole, nspacl) from pg_namespace where nspname !~ '^pg_'
  union all select 'role', to_jsonb(r)::text from pg_roles r where rolname ~ '^neuraform_'
  union all select 'comment', description from pg_description where objoid >= 16384
  union all select 'migration', hash from drizzle.__drizzle_migrations
  union all select 'persona', to_jsonb(p)::text from public.personas p
  order by 1, 2`
