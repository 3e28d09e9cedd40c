import type { Client, QueryResult } from 'pg'
import { another, type Person, type Row } from '#test/rls/people.ts'
import { rowOf, type Scene } from '#test/rls/scene.ts'
import { askersFor, type Asker } from '#test/rls/askers.ts'
import { callsIn } from '#test/rls/calls.ts'

/** What happened: a number of rows, or the SQLSTATE that refused. */
export type Outcome = number | string

/** `table verb role/asker`, or `call name`, and what happened. */
export type Finding = readonly [key: string, outcome: Outcome]

/**
 * The tables and partitions of `public`, with the column that says whose a row is: it names a person, or a chain that is
 * theirs (undefined where none does).
 */
export async function tablesOf(client: Client): Promise<ReadonlyMap<string, string | undefined>> {
  const { rows } = await client.query<{ name: string; owner: string | null }>(`
    select c.relname as name,
      case when c.relname = 'users' then 'id' else (
        select a.attname from pg_attribute a
        where a.attrelid = c.oid and a.attname in ('user_id', 'owner_id', 'chain_id') and not a.attisdropped
        order by a.attname desc limit 1
      ) end as owner
    from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') order by 1`)
  return new Map(rows.map(({ name, owner }) => [name, owner ?? undefined]))
}

/** Something to try: what its finding is called, and what happens when it is tried. */
export interface Trial {
  readonly key: string
  /** What a call says. */
  readonly text?: string
  attempt(): Promise<Outcome>
}

/**
 * Each table × verb × asker. A trial runs in the caller's transaction, as a superuser who becomes the Worker's login, and
 * leaves nothing behind.
 */
export function* tableTrials(
  client: Client,
  scene: Scene,
  tables: ReadonlyMap<string, string | undefined>,
): Generator<Trial> {
  for (const [table, owner] of tables) {
    for (const asker of askersFor(scene, table, owner)) {
      for (const verb of asker.verbs) {
        yield {
          key: `${table} ${verb} ${asker.role}/${asker.name}`,
          attempt: async () => {
            const statement = await statementFor(client, scene, table, asker, verb)
            const arrange = `${asker.arrange}; ${statement.arrange ?? ''}`
            return await attempt(client, { ...asker, arrange }, statement)
          },
        }
      }
    }
  }
}

/** What functions do for a role, and what their rules refuse. */
export function* callTrials(client: Client, scene: Scene): Generator<Trial> {
  for (const { name, role, text } of callsIn(scene)) {
    const who = { role: `neuraform_${role}` }
    yield { key: `call ${name}`, text, attempt: () => attempt(client, who, { text, values: [] }) }
  }
}

/** Tries one after the other. */
export async function* findingsOf(trials: Iterable<Trial>): AsyncGenerator<Finding> {
  for (const trial of trials) yield [trial.key, await trial.attempt()]
}

interface Statement {
  /** What the superuser grants first. */
  readonly arrange?: string
  readonly text: string
  readonly values: readonly unknown[]
}

/** What to write where any column would not do, because a check or a unique key would refuse it and not a policy. */
const assignments: Readonly<Record<string, string>> = {
  'turns neuraform_user': 'started_at = now()',
  'user_sessions neuraform_user': "revoked_at = now(), revoked_reason = 'logout'",
  'turns neuraform_jobs': "state = 'failed', ended_at = now()",
  'personas neuraform_jobs': "description = 'seeded again'",
}

async function statementFor(
  client: Client,
  scene: Scene,
  table: string,
  { role, target, column, isOfAll, dbRole }: Asker,
  verb: string,
): Promise<Statement> {
  const row: Row = column === undefined ? nobodysRow(scene, table) : rowOf(target, table)
  // Without a condition the verb's own policy alone decides which rows are one's own.
  const ownerOf = (person: Person) => String(rowOf(person, table)[column ?? 'id'])
  const where = isOfAll ? '' : `where ${column ?? 'id'} = '${ownerOf(target)}'`
  const assignment = assignments[`${table} ${role}`]
  const record = `jsonb_populate_record(null::public.${table}, $1)`
  const values = [JSON.stringify(verb === 'insert' ? another(table, row) : row)]
  switch (verb) {
    case 'select':
      return {
        text: `select ${await grantedColumn(client, dbRole, table, verb)} from public.${table} ${where}`,
        values: [],
      }
    case 'insert': {
      const some = await insertableColumns(client, dbRole, table)
      if (some.length === 0) return { text: `insert into public.${table} select * from ${record}`, values }
      if (isOfAll) return { text: `insert into public.${table} (${some}) select ${some} from ${record}`, values }
      // A grant that nobody has: with it only the policy stands between a person and a row of another's.
      const arrange = `grant insert (${column}) on public.${table} to ${dbRole}`
      const all = `${some}, ${column}`
      return { arrange, text: `insert into public.${table} (${all}) select ${all} from ${record}`, values }
    }
    case 'delete':
      return { text: `delete from public.${table} ${where}`, values: [] }
    case 'give': {
      const given = [`${column} = '${ownerOf(scene.two)}'`, ...(assignment === undefined ? [] : [assignment])]
      return { text: `update public.${table} set ${given.join(', ')}`, values: [] }
    }
    default: {
      if (assignment !== undefined) return { text: `update public.${table} set ${assignment} ${where}`, values: [] }
      const name = await grantedColumn(client, dbRole, table, 'update')
      return { text: `update public.${table} set ${name} = (${record}).${name} ${where}`, values }
    }
  }
}

function nobodysRow(scene: Scene, table: string): Row {
  const row = scene.nobodys.get(table)
  if (row === undefined) throw new Error(`no row for the table ${table}: add one to test/rls/scene.ts`)
  return row
}

// Grants stay as they are from one run to the next; asking once makes a run half as long.
const grantedColumns = new Map<string, Promise<string>>()

/** A column that the role may use, so that a refusal is the policy's and not the grant's; the first one otherwise. */
function grantedColumn(client: Client, role: string, table: string, privilege: string): Promise<string> {
  const key = `${role} ${table} ${privilege}`
  const known = grantedColumns.get(key) ?? findGrantedColumn(client, role, table, privilege)
  grantedColumns.set(key, known)
  return known
}

async function findGrantedColumn(client: Client, role: string, table: string, privilege: string): Promise<string> {
  const { rows } = await client.query<{ name: string }>(
    `select attname as name from pg_attribute
     where attrelid = ('public.' || $2)::regclass and attnum > 0 and not attisdropped
     order by has_column_privilege($1, attrelid, attnum, $3) desc, attnum limit 1`,
    [role, table, privilege],
  )
  return `"${rows[0]?.name ?? 'id'}"`
}

/** The columns that a role may fill in where it may not fill in all; nothing where it may insert nothing, or everything. */
async function insertableColumns(client: Client, role: string, table: string): Promise<string> {
  const key = `${role} ${table} insert`
  const known = grantedColumns.get(key) ?? findInsertableColumns(client, role, table)
  grantedColumns.set(key, known)
  return await known
}

async function findInsertableColumns(client: Client, role: string, table: string): Promise<string> {
  const { rows } = await client.query<{ names: string }>(
    `select string_agg(quote_ident(attname), ', ' order by attnum) as names from pg_attribute
     where attrelid = ('public.' || $2)::regclass and attnum > 0 and not attisdropped
       and has_column_privilege($1, attrelid, attnum, 'insert') and not has_table_privilege($1, attrelid, 'insert')`,
    [role, table],
  )
  return rows[0]?.names ?? ''
}

interface Attempt {
  readonly role: string
  /** What the superuser arranges first. */
  readonly arrange?: string
  /** How the door opens, once the role is taken. */
  readonly opening?: string
}

async function attempt(
  client: Client,
  { role, arrange = '', opening = '' }: Attempt,
  { text, values }: Statement,
): Promise<Outcome> {
  const login = role === 'owner' ? '' : `set local session authorization neuraform_edge; set local role ${role};`
  // All three at once: most of what an attempt takes is the way there and back.
  const [arranged, asked, undone] = await Promise.allSettled([
    client.query(`savepoint attempt; ${arrange}; ${login} ${opening}`),
    client.query<Record<string, unknown>>(text, values.length === 0 ? undefined : [...values]),
    client.query('rollback to savepoint attempt; release savepoint attempt'),
  ])
  if (undone.status === 'rejected') throw undone.reason
  if (arranged.status === 'rejected') return codeOf(arranged.reason)
  if (asked.status === 'rejected') return codeOf(asked.reason)
  const answer: QueryResult | QueryResult[] = asked.value
  return (Array.isArray(answer) ? answer.at(-1) : answer)?.rowCount ?? 0
}

const codeOf = (error: unknown) => (error instanceof Error && 'code' in error ? String(error.code) : 'error')
