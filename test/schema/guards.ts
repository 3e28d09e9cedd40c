import { tables } from '#test/schema/faults.ts'

const schemas = "('public'::regnamespace, 'app'::regnamespace)"
const policies = `(select policyname as name, roles, coalesce(qual, '') || ' ' || coalesce(with_check, '') as rule
  from pg_policies where schemaname = 'public') p`
const wrapped = String.raw`'\( SELECT app\.\w+\(\) AS \w+\)'`
const ofUs = "n.nspname !~ '^pg_' and n.nspname <> 'information_schema'"

const grants = `select a.grantee::regrole || ' ' || a.privilege_type || ' ' || c.relname as fault
  from pg_class c cross join lateral (
    select c.relacl as acl union all select attacl from pg_attribute where attrelid = c.oid and attacl is not null
  ) g cross join lateral aclexplode(g.acl) a
  where c.relnamespace = 'public'::regnamespace and a.grantee <> c.relowner`

/** What must be nowhere in the database, as queries: each `fault` that one finds is something that lets a person's rows out. */
export const guards = {
  tableThatIsOpen: `select c.relname as fault from ${tables} and not (c.relrowsecurity and c.relforcerowsecurity)`,
  tableWithoutPolicy: `select c.relname as fault from ${tables}
    and not exists (select from pg_policy p where p.polrelid = c.oid)`,
  tableOfAnotherOwner: `select c.relname as fault from ${tables} and c.relowner <> 'neuraform_owner'::regrole`,
  relationThatIsNoTable: `select c.oid::regclass as fault from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('v', 'm', 'f') and ${ofUs}`,
  grantOfMoreThanRows: `${grants}
    and (a.grantee = 0 or a.is_grantable or a.privilege_type not in ('SELECT', 'INSERT', 'UPDATE', 'DELETE'))`,
  // Row security is that of the relation that is named: a partition has its own, or none.
  grantOnAPartition: `${grants} and c.relispartition`,
  policyOfAnotherName: `select policyname as fault from pg_policies where schemaname = 'public' and (
    permissive <> 'PERMISSIVE' or cardinality(roles) <> 1 or roles[1] !~ '^neuraform_' or cmd = 'ALL'
    or policyname <> tablename || '_' || substr(roles[1], 11) || '_' || lower(cmd))`,
  policyThatSaysTrue: `select policyname as fault from pg_policies where schemaname = 'public' and (
    (roles = '{neuraform_gate}') <> (coalesce(qual, 'true') = 'true' and coalesce(with_check, 'true') = 'true')
    or roles <> '{neuraform_gate}' and coalesce(qual, '') || ' ' || coalesce(with_check, '') ~* '\\mtrue\\M')`,
  policyThatAsksNobody: `select name as fault from ${policies}
    where roles = '{neuraform_user}' and rule !~ 'SELECT app\\.current_user_id\\(\\) AS'`,
  // Whom somebody talks with is asked of the few companions that are frozen, each of which is another question.
  policyThatAsksForEachRow: `select name as fault from ${policies}
    where regexp_replace(rule, ${wrapped}, '', 'g') ~ case name
      when 'personas_user_select' then '(app\\.(?!talks_with\\(id\\))|current_setting)' else '(app\\.|current_setting)' end`,
  policyThatLetsNobodyPass: `select name as fault from ${policies}
    where regexp_replace(rule, ${wrapped}, 'WHO', 'g') ~* '(who\\)*(::\\w+)* is (not )?(null|distinct)|coalesce\\()'`,
  functionThatIsOpen: `select p.proname as fault from pg_proc p where p.pronamespace in ${schemas} and (
    p.proconfig is distinct from array['search_path=""']
    or p.proacl is null or exists (select from aclexplode(p.proacl) a where a.grantee = 0))`,
  definerOfAnotherOwner: `select p.proname as fault from pg_proc p where p.prosecdef and p.pronamespace in ${schemas}
    and (p.proowner <> 'neuraform_gate'::regrole or p.proconfig is distinct from array['search_path=""'])`,
} as const
