import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { judgeOf } from '#test/rls/expected.ts'
import { callTrials, tableTrials, tablesOf, type Trial } from '#test/rls/findings.ts'
import { listLiftedRestrictions, wrongOtherGrants, wrongTableGrants } from '#test/rls/grants.ts'
import { listMutations, withoutOne, type Mutation } from '#test/rls/mutations.ts'
import { makeScene, type Scene } from '#test/rls/scene.ts'
import { openScratchDatabase } from '#test/rls/scratch-database.ts'

type Tables = ReadonlyMap<string, string | undefined>

let owner: Client

beforeAll(async () => {
  owner = (await openScratchDatabase('neuraform_mutations', { pipeline: true })).owner
})

afterAll(async () => {
  await owner.end()
})

describe('the contract', () => {
  it('sees every part of row security that is taken away, and every restriction of a grant', async () => {
    const tables = await tablesOf(owner)
    const [rules, grants] = [
      await listMutations(owner, tables.keys()),
      await listLiftedRestrictions(owner, tables.keys()),
    ]
    const survivors: string[] = []
    await owner.query('begin')
    try {
      const scene = await makeScene(owner)
      const isSeenInRows = await watchOf(scene, tables)
      const nothing = { statement: 'select 1' }
      expect(await isSeenInRows(nothing)).toBe(false)
      expect(await isSeenInGrants(nothing)).toBe(false)
      for (const rule of rules) if (!(await isSeenInRows(rule))) survivors.push(rule.statement)
      for (const grant of grants) if (!(await isSeenInGrants(grant))) survivors.push(grant.statement)
    } finally {
      await owner.query('rollback')
    }
    const count = rules.length + grants.length
    // oxlint-disable-next-line no-console -- the figure that the test is about
    console.info(`${count} mutations, ${count - survivors.length} killed`)
    expect([rules.length > 100, grants.length > 500]).toEqual([true, true])
    expect(survivors).toEqual([])
  }, 300_000)

  it('takes one operand of a rule away at a time', () => {
    expect(withoutOne("((a = f(x AND y)) AND ((b = 'c') OR EXISTS ( SELECT 1)))")).toEqual([
      "(((b = 'c') OR EXISTS ( SELECT 1)))",
      '((a = f(x AND y)))',
      '((a = f(x AND y)) AND (EXISTS ( SELECT 1)))',
      "((a = f(x AND y)) AND ((b = 'c')))",
    ])
  })
})

/** Whether the list of grants finds something wrong: where the mutation is, or anywhere of the table, or of functions and schemas. */
async function isSeenInGrants({ table, role, verb, statement }: Mutation): Promise<boolean> {
  return await under(statement, async () => {
    if (table === undefined) return (await wrongOtherGrants(owner)).length > 0
    const there = await wrongTableGrants(owner, [table], { role, verb })
    return there.length > 0 || (await wrongTableGrants(owner, [table])).length > 0
  })
}

/** Tries in a scene until something is wrong: what is likely to see the mutation first, then everything. */
async function watchOf(scene: Scene, tables: Tables): Promise<(mutation: Mutation) => Promise<boolean>> {
  const isRight = judgeOf(scene)
  const calls = [...callTrials(owner, scene)]
  const trials = [...tableTrials(owner, scene, tables), ...calls]
  const sources = await sourcesOfFunctions()
  const sightings: { readonly table: string; readonly role: string; readonly trial: Trial }[] = []
  const callsAbout = (table: string) => {
    const names = sources.filter(({ source }) => RegExp(`\\b${table}\\b`).test(source)).map(({ name }) => name)
    const words = [`public.${table} `, ...names.map((name) => `app.${name}(`)]
    return calls.filter(({ text = '' }) => words.some((word) => text.includes(word)))
  }
  return async ({ table = '', role = '', statement }) => {
    const known = sightings.filter((one) => one.table === table && one.role === role).map(({ trial }) => trial)
    const itself = trials.filter(({ key }) => key.startsWith(`${table} `))
    const ofRole = itself.filter(({ key }) => key.includes(` ${role}/`))
    const inOrder = new Set([...known, ...ofRole, ...callsAbout(table), ...itself, ...calls, ...trials])
    return await under(statement, async () => {
      for (const trial of inOrder) {
        if (isRight(trial.key, await trial.attempt())) continue
        sightings.push({ table, role, trial })
        return true
      }
      return false
    })
  }
}

async function sourcesOfFunctions(): Promise<readonly { name: string; source: string }[]> {
  const { rows } = await owner.query<{ name: string; source: string }>(
    `select proname as name, prosrc as source from pg_proc where pronamespace = 'app'::regnamespace`,
  )
  return rows
}

/** What is seen while a statement has been run, which is undone then. */
async function under(statement: string, look: () => Promise<boolean>): Promise<boolean> {
  try {
    const [, isSeen] = await Promise.all([owner.query(`savepoint mutation; ${statement}`), look()])
    return isSeen
  } finally {
    await owner.query('rollback to savepoint mutation; release savepoint mutation')
  }
}
