import { describe, expect, it } from 'vitest'
import { definerCallers } from '#test/rls/expected-grants.ts'
import { faultsIn, rowsOf } from '#test/schema/faults.ts'
import { guards } from '#test/schema/guards.ts'

describe('functions that act as their owner', () => {
  it('are those on the list, each for one role', async () => {
    const rows = await rowsOf(`
      select p.proname as name, coalesce((
        select string_agg(a.grantee::regrole::text, ', ' order by 1) from aclexplode(p.proacl) a
        where a.grantee <> p.proowner and a.privilege_type = 'EXECUTE'), '') as grantees
      from pg_proc p join pg_namespace n on n.oid = p.pronamespace
      where p.prosecdef and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' order by 1`)
    expect(Object.fromEntries(rows.map(({ name, grantees }) => [name, grantees]))).toEqual(definerCallers)
    expect(rows.length).toBe(Object.keys(definerCallers).length)
  })

  it('belong to neuraform_gate and search no path', async () => {
    expect(await faultsIn(guards.definerOfAnotherOwner)).toEqual([])
  })
})

describe('every function', () => {
  it('searches no path and is closed to the public', async () => {
    expect(await faultsIn(guards.functionThatIsOpen)).toEqual([])
  })
})

describe('every relation', () => {
  it('is a table: no view, whose owner would be asked in place of the caller', async () => {
    expect(await faultsIn(guards.relationThatIsNoTable)).toEqual([])
  })

  it('belongs to neuraform_owner', async () => {
    expect(await faultsIn(guards.tableOfAnotherOwner)).toEqual([])
  })

  it('grants nobody but its owner more than rows, the public nothing, and no part of itself apart', async () => {
    expect(await faultsIn(guards.grantOfMoreThanRows)).toEqual([])
    expect(await faultsIn(guards.grantOnAPartition)).toEqual([])
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
