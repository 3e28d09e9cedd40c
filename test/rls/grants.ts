import type { Client } from 'pg'
import type { Mutation } from '#test/rls/mutations.ts'
import { definerCallers, expectedGrants, invokerCallers } from '#test/rls/expected-grants.ts'

const roles = Object.keys(expectedGrants)
const verbs = ['select', 'insert', 'update', 'delete', 'truncate', 'references', 'trigger']
const verbsOfColumns = ['select', 'insert', 'update', 'references']
const schemas = ['app', 'public']

/** What is looked at of the grants of a table: everything that is not named. */
interface Narrowing {
  readonly role?: string | undefined
  readonly verb?: string | undefined
}

/**
 * What roles may really do to tables, by column, that the list does not say, or may not do that it says: by a grant to
 * them, to a role that they inherit from or to the public.
 */
export async function wrongTableGrants(
  client: Client,
  tables: Iterable<string>,
  narrowing?: Narrowing,
): Promise<readonly string[]> {
  return (await tableGrants(client, tables, narrowing)).flatMap(({ role, verb, table, held }) =>
    held === (expectedGrants[role]?.[table]?.[verb] ?? '') ? [] : [`${role} ${verb} ${table}: ${held || 'nothing'}`],
  )
}

/** The same of functions, and of making something in a schema, which no role may. */
export async function wrongOtherGrants(client: Client): Promise<readonly string[]> {
  const expectedCallers: Readonly<Record<string, string>> = { ...definerCallers, ...invokerCallers }
  const ofFunctions = (await functionGrants(client)).flatMap(({ name, callers }) =>
    callers.join(', ') === expectedCallers[name] ? [] : [`${name}: called by ${callers.join(', ') || 'nobody'}`],
  )
  const makers = await client.query<{ wrong: string }>(
    `select role || ' makes things in ' || name as wrong from unnest($1::text[]) as role, unnest($2::text[]) as name
     where has_schema_privilege(role, name, 'create')`,
    [roles, schemas],
  )
  return [...ofFunctions, ...makers.rows.map(({ wrong }) => wrong)]
}

/** Statements that lift one restriction each: what a role, or the public, may not do now, for a table, a column, a function or a schema. */
export async function listLiftedRestrictions(client: Client, tables: Iterable<string>): Promise<readonly Mutation[]> {
  const names = [...tables]
  const ofTables = (await tableGrants(client, names)).flatMap(({ role, verb, table, held, missing }) =>
    (held === '*' ? [] : [verb])
      .concat(missing.map((column) => `${verb} (${column})`))
      .map((what) => ({ table, role, verb, statement: `grant ${what} on public.${table} to ${role}` })),
  )
  const ofFunctions = (await functionGrants(client)).flatMap(({ signature, owner, callers }) =>
    [...roles, 'public']
      .filter((role) => role !== owner && !callers.includes(role))
      .map((role) => ({ statement: `grant execute on function ${signature} to ${role}` })),
  )
  const toThePublic = names.flatMap((table) =>
    verbs.map((verb) => ({ table, verb, statement: `grant ${verb} on public.${table} to public` })),
  )
  const ofSchemas = schemas.flatMap((schema) =>
    roles.map((role) => ({ statement: `grant create on schema ${schema} to ${role}` })),
  )
  return [...ofTables, ...toThePublic, ...ofFunctions, ...ofSchemas]
}

interface TableGrant {
  readonly role: string
  readonly verb: string
  readonly table: string
  /** The columns that it is for, `*` for the whole table; empty where there is none. */
  readonly held: string
  /** The columns that it is not for, where it is for some. */
  readonly missing: readonly string[]
}

async function tableGrants(
  client: Client,
  tables: Iterable<string>,
  { role, verb }: Narrowing = {},
): Promise<readonly TableGrant[]> {
  const { rows } = await client.query<TableGrant>(
    `select role, verb, c.relname as table,
       case when has_table_privilege(role, c.oid, verb) then '*' else coalesce(of_columns.held, '') end as held,
       case when of_columns.held is null then '{}' else of_columns.missing end as missing
     from unnest($1::text[]) as role, unnest($2::text[]) as verb, pg_class c cross join lateral (
       select string_agg(a.attname, ' ' order by a.attnum) filter (where is_held) as held,
         coalesce(array_agg(a.attname::text order by a.attnum) filter (where not is_held), '{}') as missing
       from pg_attribute a cross join lateral (
         select case when verb = any ($3) then has_column_privilege(role, c.oid, a.attnum, verb) else false end as is_held
       ) as held where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
     ) as of_columns
     where c.relnamespace = 'public'::regnamespace and c.relname = any ($4)`,
    [role === undefined ? roles : [role], verb === undefined ? verbs : [verb], verbsOfColumns, [...tables]],
  )
  return rows
}

interface FunctionGrant {
  readonly name: string
  readonly signature: string
  readonly owner: string
  /** The roles beside its owner that may call it. */
  readonly callers: readonly string[]
}

async function functionGrants(client: Client): Promise<readonly FunctionGrant[]> {
  const { rows } = await client.query<FunctionGrant>(
    `select p.proname as name, p.oid::regprocedure::text as signature, p.proowner::regrole::text as owner,
       array(select role from unnest($1::text[]) as role
         where has_function_privilege(role, p.oid, 'execute') and role <> p.proowner::regrole::text order by 1) as callers
     from pg_proc p where p.pronamespace = any ($2::regnamespace[])`,
    [roles, schemas],
  )
  return rows
}
