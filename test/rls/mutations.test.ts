import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { wrongIn } from '#test/rls/expected.ts'
import { tablesOf, tryCalls, tryTables, type Finding } from '#test/rls/findings.ts'
import { listLiftedRestrictions, wrongOtherGrants, wrongTableGrants } from '#test/rls/grants.ts'
import { listMutations, withoutOne, type Mutation } from '#test/rls/mutations.ts'
import { makeScene, type Scene } from '#test/rls/scene.ts'
import { openScratchDatabase } from '#test/rls/scratch-database.ts'

type Tables = ReadonlyMap<string, string | undefined>

let owner: Client

beforeAll(async () => {
  owner = (await openScratchDatabase('neuraform_mutations')).owner
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
      const nothing = { statement: 'select 1' }
      expect(await isSeenInRows(scene, tables, nothing)).toBe(false)
      expect(await isSeenInGrants(nothing)).toBe(false)
      for (const rule of rules) if (!(await isSeenInRows(scene, tables, rule))) survivors.push(rule.statement)
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

/** Whether the list of grants finds something wrong: of the table, if it is about one, or of functions and schemas. */
async function isSeenInGrants({ table, statement }: Mutation): Promise<boolean> {
  await owner.query(`savepoint mutation; ${statement}`)
  try {
    const wrong = table === undefined ? await wrongOtherGrants(owner) : await wrongTableGrants(owner, [table])
    return wrong.length > 0
  } finally {
    await owner.query('rollback to savepoint mutation; release savepoint mutation')
  }
}

/** Whether the matrix finds something wrong: on the table itself first, then in what calls do, then anywhere. */
async function isSeenInRows(scene: Scene, tables: Tables, { table, statement }: Mutation): Promise<boolean> {
  await owner.query(`savepoint mutation; ${statement}`)
  try {
    const isWrong = async (findings: AsyncIterable<Finding>) => (await wrongIn(findings, scene).next()).done !== true
    const itself = table === undefined ? new Map() : new Map([[table, tables.get(table)]])
    return (
      (await isWrong(tryTables(owner, scene, itself))) ||
      (await isWrong(tryCalls(owner, scene))) ||
      (await isWrong(tryTables(owner, scene, tables)))
    )
  } finally {
    await owner.query('rollback to savepoint mutation; release savepoint mutation')
  }
}
