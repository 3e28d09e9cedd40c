import type { Client, QueryResult } from 'pg'
import type { Person } from '#test/rls/people.ts'

/** What a statement answered, or how it was refused, in the words that the error map reads. */
export type Answer =
  | { readonly rows: readonly Record<string, unknown>[]; readonly count: number }
  | { readonly code: unknown; readonly constraint: unknown; readonly message: string }

type Ending = 'commit' | 'rollback'
type Role = 'user' | 'auth' | 'jobs' | 'visitor'

/** A statement with its parameters. */
export type Query = readonly [text: string, ...values: unknown[]]

/** Runs statements as the Worker's doors do, in one transaction as a role; the answer is the last one's, or the refusal. */
export async function fly(
  edge: Client,
  role: Role,
  queries: readonly Query[],
  ending: Ending = 'rollback',
): Promise<Answer> {
  await edge.query(`begin; set local role neuraform_${role}; set local statement_timeout = '20s'`)
  try {
    let last: QueryResult<Record<string, unknown>> | undefined
    for (const [text, ...values] of queries) last = await edge.query(text, values)
    await edge.query(ending)
    return { rows: last?.rows ?? [], count: last?.rowCount ?? 0 }
  } catch (error) {
    await edge.query('rollback')
    return refusalOf(error)
  }
}

/** Statements behind a person's session. */
export async function flyAs(edge: Client, person: Person, queries: readonly Query[], ending?: Ending): Promise<Answer> {
  return await fly(edge, 'user', [['select app.begin_session($1)', person.tokenHash], ...queries], ending)
}

/** A new row of a table, every column named, as drizzle writes it. */
export const insertOf = (table: string, row: object): Query => [
  `insert into public.${table} select * from jsonb_populate_record(null::public.${table}, $1)`,
  JSON.stringify(row),
]

function refusalOf(error: unknown): Answer {
  if (!(error instanceof Error) || !('code' in error)) throw error
  return { code: error.code, constraint: 'constraint' in error ? error.constraint : undefined, message: error.message }
}

/** Resolves once a statement with that in it waits for a lock. */
export async function untilSomebodyWaits(owner: Client, part: string): Promise<void> {
  for (let attempt = 0; attempt < 500; attempt += 1) {
    const { rowCount } = await owner.query(
      `select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database() and query like '%${part}%'`,
    )
    if (rowCount !== 0) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error('nobody waits')
}
