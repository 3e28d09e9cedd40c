import type { Client, QueryResult } from 'pg'
import { another, refusedSubject, type Person } from '#test/rls/people.ts'

/** What happened: a number of rows, or the SQLSTATE that refused. */
export type Outcome = number | string

/** `table verb role/who` → outcome. */
export type Findings = ReadonlyMap<string, Outcome>

const verbs = ['select', 'insert', 'update', 'delete'] as const
const roles = ['neuraform_user', 'neuraform_visitor', 'neuraform_auth', 'neuraform_jobs', 'neuraform_analyst'] as const

/** Who asks, as the transaction's settings say it, and whose rows they ask for. */
interface Asker {
  readonly name: 'own' | 'other' | 'nobody' | 'empty' | 'malformed'
  readonly setting: string | undefined
  readonly target: Person
  /** The column that names a person. */
  readonly column: string
}

/** The ordinary and partitioned tables of `public`, with the column that names a person (undefined where none does). */
export async function tablesOf(client: Client): Promise<ReadonlyMap<string, string | undefined>> {
  const { rows } = await client.query<{ name: string; owner: string | null }>(`
    select c.relname as name,
      case when c.relname = 'users' then 'id' else (
        select a.attname from pg_attribute a
        where a.attrelid = c.oid and a.attname in ('user_id', 'owner_id') and not a.attisdropped
      ) end as owner
    from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') order by 1`)
  return new Map(rows.map(({ name, owner }) => [name, owner ?? undefined]))
}

/**
 * Tries every table × verb × asker as a person, every table × verb as each other role, and every function that a role
 * may call. Runs inside the caller's transaction, as a superuser who takes the roles, and leaves nothing behind.
 */
export async function findAll(client: Client, [one, two]: readonly [Person, Person]): Promise<Findings> {
  const findings = new Map<string, Outcome>()
  for (const [table, owner] of await tablesOf(client)) {
    for (const role of roles) {
      for (const asker of askersFor(role, owner, one, two)) {
        for (const verb of verbs) {
          const statement = await statementFor(client, role, table, asker, verb)
          findings.set(`${table} ${verb} ${role}/${asker.name}`, await attempt(client, role, asker.setting, statement))
        }
      }
    }
  }
  for (const { name, role, text } of functionCalls(one)) {
    findings.set(`function ${name} ${role}`, await attempt(client, role, undefined, { text, values: [] }))
  }
  return findings
}

function askersFor(role: string, column: string | undefined, one: Person, two: Person): readonly Asker[] {
  const own: Asker = { name: 'own', setting: one.userId, target: one, column: column ?? 'id' }
  if (role !== 'neuraform_user' || column === undefined) return [own]
  const others = { target: two, column }
  return [
    own,
    { ...others, name: 'other', setting: one.userId },
    { ...others, name: 'nobody', setting: undefined },
    { ...others, name: 'empty', setting: '' },
    { ...others, name: 'malformed', setting: 'not-a-uuid' },
  ]
}

interface Statement {
  readonly text: string
  readonly values: readonly unknown[]
}

/** What the jobs set, where any other value would be refused for another reason than a policy. */
const jobsUpdate: Readonly<Record<string, string>> = {
  turns: "state = 'interrupted', ended_at = now()",
  personas: "description = 'seeded again'",
}

async function statementFor(
  client: Client,
  role: string,
  table: string,
  asker: Asker,
  verb: (typeof verbs)[number],
): Promise<Statement> {
  // Rows of one's own are asked for without a condition, so that the verb's own policy alone decides which they are.
  const where = asker.name === 'own' ? '' : `where ${asker.column} = '${asker.target.userId}'`
  const row = asker.target.rows.get(table)
  if (verb === 'select') {
    return {
      text: `select ${await grantedColumn(client, role, table, 'select')} from public.${table} ${where}`,
      values: [],
    }
  }
  if (verb === 'insert') {
    const text = `insert into public.${table} select * from jsonb_populate_record(null::public.${table}, $1)`
    return { text, values: [JSON.stringify(row === undefined ? {} : another(table, row))] }
  }
  if (verb === 'delete') return { text: `delete from public.${table} ${where}`, values: [] }
  const swept = role === 'neuraform_jobs' ? jobsUpdate[table] : undefined
  if (swept !== undefined) return { text: `update public.${table} set ${swept} ${where}`, values: [] }
  const column = await grantedColumn(client, role, table, 'update')
  const record = `(jsonb_populate_record(null::public.${table}, $1)).${column}`
  return { text: `update public.${table} set ${column} = ${record} ${where}`, values: [JSON.stringify(row ?? {})] }
}

/** A column that the role may use, so that a refusal is the policy's and not the grant's; the first one otherwise. */
function grantedColumn(client: Client, role: string, table: string, privilege: string): Promise<string> {
  const key = `${role} ${table} ${privilege}`
  const known = grantedColumns.get(key) ?? findGrantedColumn(client, role, table, privilege)
  grantedColumns.set(key, known)
  return known
}

// Grants stay as they are from one run to the next; asking once makes a run half as long.
const grantedColumns = new Map<string, Promise<string>>()

async function findGrantedColumn(client: Client, role: string, table: string, privilege: string): Promise<string> {
  const { rows } = await client.query<{ name: string }>(
    `select attname as name from pg_attribute
     where attrelid = ('public.' || $2)::regclass and attnum > 0 and not attisdropped
     order by has_column_privilege($1, attrelid, attnum, $3) desc, attname = 'session_id', attnum limit 1`,
    [role, table, privilege],
  )
  return `"${rows[0]?.name ?? 'id'}"`
}

async function attempt(
  client: Client,
  role: string,
  setting: string | undefined,
  { text, values }: Statement,
): Promise<Outcome> {
  await client.query('savepoint attempt')
  try {
    if (setting !== undefined) await client.query("select set_config('app.user_id', $1, true)", [setting])
    await client.query(`set local role ${role}`)
    const answer: QueryResult | QueryResult[] = await client.query(text, values.length === 0 ? undefined : [...values])
    return (Array.isArray(answer) ? answer.at(-1) : answer)?.rowCount ?? 0
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : 'error'
  } finally {
    await client.query('rollback to savepoint attempt; reset role')
  }
}

interface FunctionCall {
  readonly name: string
  readonly role: string
  /** One or more statements; the last one finds a row where the function did its work. */
  readonly text: string
}

/** The definer functions on their ordinary way, each as the role that calls it. */
function functionCalls({ userId, tokenHash, turnKeyHash, rows }: Person): readonly FunctionCall[] {
  const [user, login, jobs] = ['neuraform_user', 'neuraform_auth', 'neuraform_jobs']
  const idOf = (table: string) => `'${String(rows.get(table)?.['id'])}'`
  const hex = (hash: Buffer) => `'\\x${hash.toString('hex')}'`
  const fresh = "'00000000-0000-7000-8000-000000000abc'"
  const session = `app.begin_session(${hex(tokenHash)})`
  const turn = `app.begin_turn(${hex(turnKeyHash)})`
  const identity = `'https://issuer.test', '${String(rows.get('identities')?.['subject'])}'`
  const then = (check: string) => `; reset role; ${check}`
  return [
    { name: 'begin_session', role: user, text: `select * from ${session} where data_keys is not null` },
    {
      name: 'begin_session, touching',
      role: user,
      text: `reset role; update public.user_sessions set last_active_at = '2020-01-01'; set local role ${user};
        select * from ${session}${then(`select 1 from public.user_sessions where last_active_at > '2021-01-01'`)}`,
    },
    { name: 'begin_turn', role: user, text: `select * from ${turn} where is_session_live` },
    {
      name: 'finish_turn',
      role: user,
      text: `select * from ${turn}; select app.finish_turn('complete', '\\x00', 'm', 1, 1, 1)${then(
        `select 1 from public.turns where state = 'complete'`,
      )}`,
    },
    {
      name: 'record_external_reply',
      role: user,
      text: `select * from ${session};
        select app.record_external_reply(${fresh}, ${idOf('conversations')}, '\\x00', 'text', '{}', null)${then(
          `select 1 from public.messages where id = ${fresh} and seq = 2`,
        )}`,
    },
    {
      name: 'begin_erasure',
      role: user,
      text: `select * from ${session}; select app.begin_erasure(${fresh})${then(
        `select 1 from public.erasures e join public.users u on u.id = e.user_id and not u.is_active where e.id = ${fresh}`,
      )}`,
    },
    {
      name: 'find_identity',
      role: login,
      text: `select * from app.find_identity(${identity}, '\\x00') where data_keys is not null`,
    },
    {
      name: 'find_identity of a refused subject',
      role: login,
      text: `select * from app.find_identity('x', 'x', '${refusedSubject}') where is_refused`,
    },
    { name: 'claim_registration', role: login, text: `select app.claim_registration(${fresh}, now(), '\\x00')` },
    {
      name: 'refused claim_registration',
      role: login,
      text: `select app.claim_registration(${fresh}, now(), '${refusedSubject}')`,
    },
    {
      name: 'refuse_registration',
      role: login,
      text: `select app.refuse_registration(${fresh}, now(), gen_random_uuid(), '\\x00')`,
    },
    {
      name: 'create_account',
      role: login,
      text: `select * from app.create_account(${fresh}, '\\x00', '\\x00', null, null, false, '\\x00', '2006-01-01', '2008-01-01', null,
        null, 'UTC', 'en', '1', '1', 'k1', '\\x00', gen_random_uuid(), 'google', 'https://issuer.test', 'new', null)`,
    },
    {
      name: 'start_session',
      role: login,
      text: `select * from app.start_session(${fresh}, '${userId}', ${idOf('identities')}, sha256('x'), null, null, null, 60, 60,
        ${hex(tokenHash)}, 20)${then(`select 1 from public.user_sessions where revoked_reason = 'signed_in_again'`)}`,
    },
    {
      name: 'start_session, remembering the sign-in',
      role: login,
      text: `select * from app.start_session(${fresh}, '${userId}', ${idOf('identities')}, sha256('x'), null, null, null, 60, 60,
        null, 20)${then(`select 1 from public.identities where last_login_at > '2021-01-01'`)}`,
    },
    {
      name: 'pending_erasures',
      role: jobs,
      text: `select * from app.pending_erasures() where user_id = '${userId}' and cardinality(cache_keys) = 1`,
    },
    {
      name: 'finish_erasure',
      role: jobs,
      text: `reset role; update public.users set is_active = false; set local role ${jobs};
        select app.finish_erasure(${idOf('erasures')})${then(
          `select 1 where not exists (select from public.users where id = '${userId}')
             and exists (select from public.erasures where completed_at is not null)`,
        )}`,
    },
    { name: 'find_erasure', role: 'neuraform_visitor', text: `select * from app.find_erasure(${idOf('erasures')})` },
  ]
}
