import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { setUpDatabase } from '#scripts/stack/database/set-up.ts'
import { builtInPersonas } from '#src/personas/built-in-personas.ts'
import { findAll, tablesOf, type Findings } from '#test/rls/findings.ts'
import { makeLitter, makePerson, type Person } from '#test/rls/people.ts'

/** What a person may do with their own rows. A table that is not named may not be touched at all. */
const mayDo: Readonly<Record<string, readonly string[]>> = {
  users: ['select', 'update'],
  identities: ['select'],
  user_sessions: ['select', 'update'],
  idempotency_keys: ['select', 'insert'],
  personas: ['select'],
  conversations: ['select', 'insert', 'update', 'delete'],
  turns: ['select', 'insert', 'update'],
  messages: ['select', 'insert'],
  voice_data: ['select', 'insert', 'update', 'delete'],
}

/** Where a person owns, or may see, more than one row. */
const ownRows: Readonly<Record<string, number>> = {
  'user_sessions select': 2,
  'user_sessions update': 2,
  'idempotency_keys select': 2,
  'personas select': builtInPersonas.length + 1,
}

/** What the service's own roles find when they ask for everything, beside what functions do for them. */
const serviceMayDo: Readonly<Record<string, number>> = {
  'turns select neuraform_jobs/own': 2,
  'turns update neuraform_jobs/own': 2,
  'user_sessions select neuraform_jobs/own': 1,
  'user_sessions delete neuraform_jobs/own': 1,
  'idempotency_keys select neuraform_jobs/own': 1,
  'idempotency_keys delete neuraform_jobs/own': 1,
  'login_tickets select neuraform_jobs/own': 1,
  'login_tickets delete neuraform_jobs/own': 1,
  'personas select neuraform_jobs/own': builtInPersonas.length,
  'personas update neuraform_jobs/own': builtInPersonas.length,
  'personas select neuraform_visitor/own': builtInPersonas.length,
}

let owner: Client
let people: readonly [Person, Person]

beforeAll(async () => {
  // A database of its own: what a role finds when it asks for everything must not depend on other tests.
  const { ownerUrl } = await setUpDatabase({
    ownerUrl: inject('stack').ownerUrl,
    databaseName: 'neuraform_rls',
    edgePassword: passwordOf(inject('stack').edgeUrl),
  })
  owner = new Client({ connectionString: ownerUrl })
  await owner.connect()
})

afterAll(async () => {
  await owner.end()
})

/** Runs work in a transaction that leaves nothing behind. */
async function rolledBack<T>(work: () => Promise<T>): Promise<T> {
  await owner.query('begin')
  try {
    people = [await makePerson(owner), await makePerson(owner)]
    await makeLitter(owner, people[0])
    return await work()
  } finally {
    await owner.query('rollback')
  }
}

const isRefused = (outcome: unknown) => outcome === 0 || outcome === '42501'

describe('row-level security', () => {
  it('has somebody in every table that can name a person', async () => {
    const missing = await rolledBack(async () =>
      [...(await tablesOf(owner))].flatMap(([table, column]) =>
        column === undefined || people[0].rows.has(table) ? [] : [table],
      ),
    )
    expect(missing).toEqual([])
  })

  it('gives a person their own rows, for the verbs that they have, and nobody any other', async () => {
    const findings = await rolledBack(async () => await findAll(owner, people))
    expect(findings.size).toBeGreaterThan(300)
    expect(wrongFor(findings)).toEqual([])
  })

  it('lets the login reach no table before it takes a role', async () => {
    const edge = new Client({ connectionString: inject('stack').edgeUrl })
    await edge.connect()
    try {
      for (const table of (await tablesOf(owner)).keys()) {
        await expect(edge.query(`select 1 from public.${table}`)).rejects.toMatchObject({ code: '42501' })
      }
    } finally {
      await edge.end()
    }
  })

  it('is held by every policy: each one that is dropped or opened changes what somebody may do', async () => {
    const before = await rolledBack(async () => await findAll(owner, people))
    const mutations = await listMutations()
    const survivors: string[] = []
    for (const mutation of mutations) {
      const after = await rolledBack(async () => {
        await owner.query(mutation)
        return await findAll(owner, people)
      })
      if (isSame(before, after)) survivors.push(mutation)
    }
    // oxlint-disable-next-line no-console -- the figure that the test is about
    console.info(`${mutations.length} mutations, ${mutations.length - survivors.length} killed`)
    expect(survivors).toEqual([])
  }, 120_000)
})

/** The findings that are not what the tables above say, with what was found. */
function wrongFor(findings: Findings): string[] {
  return [...findings].flatMap(([key, outcome]) => {
    const [table = '', verb = '', who = ''] = key.split(' ')
    if (table === 'function') {
      return outcome === (verb === 'refused' ? 'NF403' : 1) ? [] : [`${key}: ${outcome}`]
    }
    const [role, asker] = who.split('/')
    const isOwn = role === 'neuraform_user' && asker === 'own' && (mayDo[table] ?? []).includes(verb)
    const expected = serviceMayDo[key]
    const isRight = isOwn
      ? outcome === (ownRows[`${table} ${verb}`] ?? 1)
      : expected === undefined
        ? isRefusedFor(asker, outcome)
        : outcome === expected
    return isRight ? [] : [`${key}: ${outcome}`]
  })
}

// A malformed user makes the policy itself fail (22P02), before it lets anything through.
const isRefusedFor = (asker: string | undefined, outcome: unknown) =>
  isRefused(outcome) || (asker === 'malformed' && outcome === '22P02')

/** Each policy dropped; each one that narrows a person's reach opened; row security switched off where a person has a grant. */
async function listMutations(): Promise<string[]> {
  const { rows } = await owner.query<{ table: string; policy: string; verb: string; role: string }>(`
    select tablename as table, policyname as policy, cmd as verb, roles[1]::text as role from pg_policies
    where schemaname = 'public' order by 1, 2`)
  return rows.flatMap(({ table, policy, verb, role }) => {
    const dropped = `drop policy ${policy} on public.${table}`
    if (role !== 'neuraform_user') return [dropped]
    const opened =
      verb === 'INSERT'
        ? `alter policy ${policy} on public.${table} with check (true)`
        : `alter policy ${policy} on public.${table} using (true)`
    return [dropped, opened]
  })
}

const isSame = (one: Findings, two: Findings) => [...one].every(([key, outcome]) => two.get(key) === outcome)

const passwordOf = (url: string) => decodeURIComponent(new URL(url).password)
