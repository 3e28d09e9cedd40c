import type { Client } from 'pg'

/** A statement that takes a part of the isolation away, and what it is about: a table, a role, and a verb that it grants. */
export interface Mutation {
  readonly table?: string
  readonly role?: string
  readonly verb?: string
  readonly statement: string
}

interface Policy {
  readonly table: string
  readonly policy: string
  readonly role: string
  readonly using: string | null
  readonly check: string | null
}

/**
 * Every policy dropped; every one that is not the functions' owner's opened, and weakened or narrowed by one operand of
 * its rule; row security switched off, and no longer forced, for every table.
 */
export async function listMutations(client: Client, tables: Iterable<string>): Promise<readonly Mutation[]> {
  const { rows } = await client.query<Policy>(`
    select tablename as table, policyname as policy, roles[1]::text as role, qual as using, with_check as check
    from pg_policies where schemaname = 'public' order by 1, 2`)
  const ofTables = [...tables].flatMap((table) => [
    { table, role: 'neuraform_user', statement: `alter table public.${table} disable row level security` },
    { table, role: 'owner', statement: `alter table public.${table} no force row level security` },
  ])
  return [...rows.flatMap(mutationsOf), ...ofTables]
}

function mutationsOf({ table, policy, role, using, check }: Policy): readonly Mutation[] {
  const dropped = { table, role, statement: `drop policy ${policy} on public.${table}` }
  if (role === 'neuraform_gate') return [dropped]
  const altered = (clause: string, rule: string | null) =>
    (rule === null ? [] : ['true', ...withoutOne(rule)]).map((rest) => ({
      table,
      role,
      statement: `alter policy ${policy} on public.${table} ${clause} (${rest})`,
    }))
  return [dropped, ...altered('using', using), ...altered('with check', check)]
}

/** A rule as the catalogue prints it, in every form that lacks one operand of an AND or OR. */
export function withoutOne(rule: string): readonly string[] {
  const inner = stripped(rule)
  const operator = [' AND ', ' OR '].find((one) => operandsOf(inner, one).length > 1)
  if (operator === undefined) return []
  const operands = operandsOf(inner, operator)
  const joined = (parts: readonly string[]) => `(${parts.join(operator)})`
  return operands.flatMap((operand, at) => {
    const narrowed = withoutOne(operand).map((rest) => joined(operands.with(at, rest)))
    return [joined(operands.toSpliced(at, 1))].concat(narrowed)
  })
}

/** The rule without the parentheses around the whole of it. */
function stripped(rule: string): string {
  const isWrapped = rule.startsWith('(') && depthsOf(rule).findIndex((depth) => depth === 0) === rule.length - 1
  return isWrapped ? stripped(rule.slice(1, -1)) : rule
}

/** Splits at an operator that stands outside every parenthesis. */
function operandsOf(rule: string, operator: string): readonly string[] {
  const depths = depthsOf(rule)
  const cuts = [...rule.matchAll(new RegExp(operator, 'g'))].map(({ index }) => index).filter((at) => depths[at] === 0)
  return [...cuts, rule.length].map((end, at) => rule.slice(at === 0 ? 0 : (cuts[at - 1] ?? 0) + operator.length, end))
}

/** How many parentheses are open after each character. */
function depthsOf(rule: string): readonly number[] {
  let depth = 0
  return rule.split('').map((character) => (depth += character === '(' ? 1 : character === ')' ? -1 : 0))
}
