import { describe, expect, it } from 'vitest'
import { faultsIn, rowsOf, tables } from '#test/schema/faults.ts'

/** The roles that may call each security definer function; a trigger's is called by nobody. */
const callers: Readonly<Record<string, string>> = {
  complete_erasure: 'neuraform_jobs',
  end_rotation: 'neuraform_jobs',
  erase_rows: 'neuraform_jobs',
  add_data_key: 'neuraform_jobs',
  audit_chains_after: 'neuraform_jobs',
  audit_entries_after: 'neuraform_jobs',
  begin_erasure: 'neuraform_user',
  begin_session: 'neuraform_user',
  begin_turn: 'neuraform_user',
  broken_invariants: 'neuraform_jobs',
  claim_registration: 'neuraform_auth',
  create_account: 'neuraform_auth',
  data_keys_of: 'neuraform_jobs',
  find_erasure: 'neuraform_visitor',
  find_identity: 'neuraform_auth',
  find_messages: 'neuraform_user',
  finish_turn: 'neuraform_user',
  keys_to_rewrap: 'neuraform_jobs',
  link_entry: '',
  mark_anchored: 'neuraform_jobs',
  own_chain: 'neuraform_user',
  pending_erasures: 'neuraform_jobs',
  place_message: '',
  record_breakages: 'neuraform_user',
  record_broken_seals: 'neuraform_user',
  record_event: 'neuraform_user',
  record_external_reply: 'neuraform_user',
  record_service_breakages: 'neuraform_auth, neuraform_jobs',
  record_service_event: 'neuraform_auth, neuraform_jobs',
  refuse_registration: 'neuraform_auth',
  require_data_key: '',
  reseal_cells: 'neuraform_jobs',
  retire_data_keys: 'neuraform_jobs',
  rewrap_keys: 'neuraform_jobs',
  search_messages: 'neuraform_user',
  stale_cells: 'neuraform_jobs',
  voice_objects: 'neuraform_jobs',
  start_session: 'neuraform_auth',
  unanchored_heads: 'neuraform_jobs',
}

/** The columns that a person may change in their own rows. */
const changeable: Readonly<Record<string, readonly string[]>> = {
  conversations: ['is_active', 'is_pinned', 'metadata', 'summary', 'tags', 'title', 'updated_at'],
  turns: ['ended_at', 'key_hash', 'session_id', 'started_at', 'state'],
  user_sessions: ['revoked_at', 'revoked_reason'],
  users: [
    'avatar_url',
    'first_name',
    'language_preference',
    'last_name',
    'notification_preferences',
    'timezone',
    'ui_preferences',
    'updated_at',
  ],
  voice_data: ['audio_bytes', 'codec', 'created_at', 'duration_ms', 'expires_at', 'id', 'provider', 'r2_key', 'voice'],
}

const schemas = "('public'::regnamespace, 'app'::regnamespace)"

describe('functions that act as their owner', () => {
  it('are those on the list, each for one role', async () => {
    const rows = await rowsOf(`
      select p.proname as name, coalesce((
        select string_agg(a.grantee::regrole::text, ', ' order by 1) from aclexplode(p.proacl) a
        where a.grantee <> p.proowner and a.privilege_type = 'EXECUTE'), '') as grantees
      from pg_proc p join pg_namespace n on n.oid = p.pronamespace
      where p.prosecdef and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' order by 1`)
    expect(Object.fromEntries(rows.map(({ name, grantees }) => [name, grantees]))).toEqual(callers)
    expect(rows.length).toBe(Object.keys(callers).length)
  })

  it('belong to neuraform_gate and search no path', async () => {
    expect(
      await faultsIn(`select p.proname as fault from pg_proc p where p.prosecdef and p.pronamespace in ${schemas}
        and (p.proowner <> 'neuraform_gate'::regrole or p.proconfig is distinct from array['search_path=""'])`),
    ).toEqual([])
  })
})

describe('every function', () => {
  it('searches no path and is closed to the public', async () => {
    expect(
      await faultsIn(`select p.proname as fault from pg_proc p where p.pronamespace in ${schemas} and (
        p.proconfig is distinct from array['search_path=""']
        or p.proacl is null or exists (select from aclexplode(p.proacl) a where a.grantee = 0))`),
    ).toEqual([])
  })
})

describe('every relation', () => {
  it('is a table: no view, whose owner would be asked in place of the caller', async () => {
    expect(
      await faultsIn(`select c.oid::regclass as fault from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where c.relkind in ('v', 'm', 'f') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'`),
    ).toEqual([])
  })

  it('belongs to neuraform_owner', async () => {
    expect(
      await faultsIn(`select c.relname as fault from ${tables} and c.relowner <> 'neuraform_owner'::regrole`),
    ).toEqual([])
  })

  it('grants nobody but its owner more than rows, and the public nothing', async () => {
    expect(
      await faultsIn(`select a.grantee::regrole || ' ' || a.privilege_type || ' ' || c.relname as fault
        from ${tables.replace(' where', ' cross join lateral aclexplode(c.relacl) a where')} and a.grantee <> c.relowner
          and (a.grantee = 0 or a.is_grantable or a.privilege_type not in ('SELECT', 'INSERT', 'UPDATE', 'DELETE'))`),
    ).toEqual([])
  })
})

describe('a person', () => {
  it('may change these columns and no other', async () => {
    const rows = await rowsOf(`
      select table_name as table, array_agg(column_name::text order by column_name) as columns
      from information_schema.column_privileges
      where grantee = 'neuraform_user' and privilege_type = 'UPDATE' and table_schema = 'public' group by 1 order by 1`)
    expect(Object.fromEntries(rows.map(({ table, columns }) => [table, columns]))).toEqual(changeable)
  })
})

describe('the roles', () => {
  it('are ordinary ones, and only the login may log in', async () => {
    const rows = await rowsOf(`select rolname as name, rolcanlogin as can_log_in from pg_roles
      where rolname ~ '^neuraform_' and not (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication)
      order by 1`)
    const names = ['analyst', 'auth', 'edge', 'gate', 'jobs', 'owner', 'user', 'visitor']
    expect(rows).toEqual(names.map((name) => ({ name: `neuraform_${name}`, can_log_in: name === 'edge' })))
  })

  it('leave the login nothing of its own: it inherits, owns and is granted nothing', async () => {
    const login = "'neuraform_edge'::regrole"
    expect(await rowsOf(`select rolinherit from pg_roles where oid = ${login}`)).toEqual([{ rolinherit: false }])
    expect(
      await faultsIn(`select d.classid::regclass || ' ' || d.objid as fault from pg_shdepend d
        where d.refobjid = ${login} and (d.deptype = 'o' or (d.deptype = 'a' and d.classid <> 'pg_database'::regclass))`),
    ).toEqual([])
    expect(
      await faultsIn(`select datname || ' ' || a.privilege_type as fault from pg_database, lateral aclexplode(datacl) a
        where a.grantee = ${login} and a.privilege_type <> 'CONNECT'`),
    ).toEqual([])
  })

  it('bind the tables’ owner too: what the gate may see, it does not inherit', async () => {
    expect(
      await faultsIn(`select rolname as fault from pg_roles where rolname ~ '^neuraform_' and rolinherit`),
    ).toEqual([])
    expect(await rowsOf(`select pg_has_role('neuraform_owner', 'neuraform_gate', 'usage') as inherits`)).toEqual([
      { inherits: false },
    ])
  })

  it('lead from the login to five of them, and from those nowhere', async () => {
    const rows = await rowsOf(`
      select m.member::regrole::text as member, m.admin_option as may_grant,
        array_agg(m.roleid::regrole::text order by m.roleid::regrole::text) as roles
      from pg_auth_members m where m.member in (select oid from pg_roles where rolname ~ '^neuraform_')
      group by 1, 2 order by 1`)
    const settable = ['analyst', 'auth', 'jobs', 'user', 'visitor'].map((name) => `neuraform_${name}`)
    expect(rows).toEqual([
      { member: 'neuraform_edge', may_grant: false, roles: settable },
      { member: 'neuraform_owner', may_grant: false, roles: ['neuraform_gate'] },
    ])
  })
})
