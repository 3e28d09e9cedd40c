import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'

const owner = new Client({ connectionString: inject('stack').ownerUrl })

beforeAll(async () => {
  await owner.connect()
})

afterAll(async () => {
  await owner.end()
})

/** The names that a query finds; each one that it finds is a fault. */
async function faults(query: string): Promise<string[]> {
  const { rows } = await owner.query<{ fault: string }>(query)
  return rows.map(({ fault }) => fault)
}

const tables = "pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')"

describe('the catalogue', () => {
  it('has tables to look at', async () => {
    expect((await faults(`select c.relname as fault from ${tables}`)).length).toBeGreaterThanOrEqual(12)
  })

  it('has row security on and forced for every table', async () => {
    expect(
      await faults(`select c.relname as fault from ${tables} and not (c.relrowsecurity and c.relforcerowsecurity)`),
    ).toEqual([])
  })

  it('names every policy for its table, role and verb, and gives each one role', async () => {
    expect(
      await faults(`select policyname as fault from pg_policies where schemaname = 'public' and (
        cardinality(roles) <> 1 or roles[1] !~ '^neuraform_'
        or policyname <> tablename || '_' || substr(roles[1], 11) || '_' || lower(cmd))`),
    ).toEqual([])
  })

  it('lets `true` stand only in the policies of the functions’ owner', async () => {
    expect(
      await faults(`select policyname as fault from pg_policies where schemaname = 'public'
        and roles <> '{neuraform_gate}' and (qual = 'true' or with_check = 'true')`),
    ).toEqual([])
  })

  it('evaluates who is asking once for each statement, and never lets nobody pass', async () => {
    expect(
      await faults(`select policyname as fault from pg_policies
        where schemaname = 'public' and (
          regexp_replace(coalesce(qual, '') || coalesce(with_check, ''), '\\( SELECT app\\.\\w+\\(\\) AS \\w+\\)', '', 'g')
            ~ 'app\\.\\w+\\(\\)'
          or coalesce(qual, '') || coalesce(with_check, '') ~* 'current_(setting|user_id\\(\\))[^)]*\\) is null')`),
    ).toEqual([])
  })

  it('has an index that begins with the columns of every foreign key', async () => {
    expect(
      await faults(`select k.conname as fault from pg_constraint k
        where k.contype = 'f' and k.connamespace = 'public'::regnamespace and not exists (
          select from pg_index i where i.indrelid = k.conrelid
            and (string_to_array(i.indkey::text, ' ')::int2[])[1:cardinality(k.conkey)] @> k.conkey)`),
    ).toEqual([])
  })

  it('names constraints so that the error map can read them', async () => {
    expect(
      await faults(`select conname as fault from pg_constraint
        where connamespace = 'public'::regnamespace and contype in ('p', 'u', 'f', 'c') and (
          conname !~ ('^' || conrelid::regclass::text || '_')
          or conname !~ (case contype when 'p' then '_pkey$' when 'u' then '_key$' when 'f' then '_fkey$' else '_check$' end))`),
    ).toEqual([])
  })

  it('says what becomes of a row whose parent goes, and ties a child to its parent’s owner', async () => {
    expect(
      await faults(`select conname as fault from pg_constraint k
        where contype = 'f' and connamespace = 'public'::regnamespace and (
          confdeltype not in ('c', 'n')
          or (confrelid not in ('public.users'::regclass, 'public.personas'::regclass)
            and confdeltype = 'c'
            and not exists (select from pg_attribute a where a.attrelid = k.conrelid and a.attnum = any (k.conkey)
              and a.attname in ('user_id', 'conversation_id'))))`),
    ).toEqual([])
  })

  it('keeps times to the millisecond with their zone, and text as text', async () => {
    expect(
      await faults(`select a.attrelid::regclass || '.' || a.attname as fault
        from pg_attribute a join pg_class c on c.oid = a.attrelid
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped
          and format_type(a.atttypid, a.atttypmod) not in ('timestamp(3) with time zone', 'text', 'text[]', 'uuid', 'bytea',
            'boolean', 'integer', 'bigint', 'date', 'jsonb')`),
    ).toEqual([])
  })

  it('explains every table and function', async () => {
    expect(
      await faults(`select c.relname as fault from ${tables} and obj_description(c.oid, 'pg_class') is null`),
    ).toEqual([])
    expect(
      await faults(`select p.proname as fault from pg_proc p
        where p.pronamespace = 'app'::regnamespace and obj_description(p.oid, 'pg_proc') is null`),
    ).toEqual([])
  })

  it('has no view, and gives no role TRUNCATE, REFERENCES or TRIGGER', async () => {
    expect(
      await faults(
        `select relname as fault from pg_class where relnamespace = 'public'::regnamespace and relkind in ('v', 'm')`,
      ),
    ).toEqual([])
    expect(
      await faults(`select grantee || ' ' || privilege_type || ' ' || table_name as fault
        from information_schema.role_table_grants
        where table_schema = 'public' and grantee <> 'neuraform_owner'
          and privilege_type in ('TRUNCATE', 'REFERENCES', 'TRIGGER')`),
    ).toEqual([])
  })
})

/** The roles that may call each security definer function. */
const callers: Readonly<Record<string, string>> = {
  begin_erasure: 'neuraform_user',
  begin_session: 'neuraform_user',
  begin_turn: 'neuraform_user',
  claim_registration: 'neuraform_auth',
  create_account: 'neuraform_auth',
  find_erasure: 'neuraform_visitor',
  find_identity: 'neuraform_auth',
  finish_erasure: 'neuraform_jobs',
  finish_turn: 'neuraform_user',
  pending_erasures: 'neuraform_jobs',
  place_message: '',
  record_external_reply: 'neuraform_user',
  refuse_registration: 'neuraform_auth',
  start_session: 'neuraform_auth',
}

describe('security definer functions', () => {
  it('are those on the list, each for one role', async () => {
    const { rows } = await owner.query<{ name: string; grantees: string }>(`
      select p.proname as name, coalesce((
        select string_agg(a.grantee::regrole::text, ', ' order by 1) from aclexplode(p.proacl) a
        where a.grantee <> p.proowner and a.privilege_type = 'EXECUTE'), '') as grantees
      from pg_proc p where p.prosecdef and p.pronamespace in ('app'::regnamespace, 'public'::regnamespace) order by 1`)
    expect(Object.fromEntries(rows.map(({ name, grantees }) => [name, grantees]))).toEqual(callers)
  })

  it('belong to neuraform_gate, search no path, and are closed to the public', async () => {
    expect(
      await faults(`select p.proname as fault from pg_proc p where p.prosecdef and p.pronamespace = 'app'::regnamespace and (
        p.proowner <> 'neuraform_gate'::regrole or p.proconfig is distinct from array['search_path=""']
        or p.proacl is null or exists (select from aclexplode(p.proacl) a where a.grantee = 0))`),
    ).toEqual([])
  })
})

describe('the roles', () => {
  it('leave the login without a privilege of its own', async () => {
    const { rows } = await owner.query(`
      select rolsuper, rolbypassrls, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin,
        pg_has_role('neuraform_edge', 'neuraform_owner', 'member') as is_owner,
        pg_has_role('neuraform_edge', 'neuraform_gate', 'member') as is_gate,
        (select count(*)::int from pg_class where relowner = r.oid) as owned,
        (select count(*)::int from information_schema.role_table_grants where grantee = 'neuraform_edge') as grants
      from pg_roles r where rolname = 'neuraform_edge'`)
    expect(rows).toEqual([
      {
        rolsuper: false,
        rolbypassrls: false,
        rolinherit: false,
        rolcreaterole: false,
        rolcreatedb: false,
        rolcanlogin: true,
        is_owner: false,
        is_gate: false,
        owned: 0,
        grants: 0,
      },
    ])
  })

  it('keep from a person every column that only the service may write', async () => {
    const { rows } = await owner.query<{ written: string }>(`
      select table_name || '.' || column_name as written from information_schema.column_privileges
      where grantee = 'neuraform_user' and privilege_type = 'UPDATE' and table_schema = 'public'`)
    const written = new Set(rows.map((row) => row.written))
    const forbidden = ['users.role', 'users.email', 'users.is_active', 'users.birthdate', 'users.opens_16_on']
    const closed = [
      'user_sessions.expires_at',
      'user_sessions.token_hash',
      'conversations.user_id',
      'conversations.last_seq',
    ]
    for (const column of [...forbidden, ...closed]) expect(written).not.toContain(column)
    expect([...written].filter((column) => column.startsWith('messages.'))).toEqual([])
  })
})
