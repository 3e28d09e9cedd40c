import { Client } from 'pg'

/** The rows of one statement. */
export async function query(connectionString: string, text: string): Promise<readonly Record<string, unknown>[]> {
  const client = new Client({ connectionString })
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(text)).rows
  } finally {
    await client.end()
  }
}

type Parts = readonly Record<string, unknown>[]

/** All that set-up makes in a database. */
export async function everythingIn(connectionString: string): Promise<Parts> {
  return [...(await query(connectionString, tableParts)), ...(await query(connectionString, otherParts))]
}

/** The same without the times at which rows were made, which differ from one database to the next. */
export const timeless = (parts: Parts): Parts =>
  parts.map(({ kind, what }) => ({ kind, what: String(what).replaceAll(/"(cre|upd)ated_at": "[^"]*"/g, '') }))

/** What `tables.ts` can say of a table. */
export const tableParts = `
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
