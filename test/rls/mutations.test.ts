import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { wrongIn } from '#test/rls/expected.ts'
import { tablesOf, tryCalls, tryTables } from '#test/rls/findings.ts'
import { listMutations, withoutOne, type Mutation } from '#test/rls/mutations.ts'
import { makeScene, type Scene } from '#test/rls/scene.ts'
import { openScratchDatabase } from '#test/rls/scratch-database.ts'

let owner: Client

beforeAll(async () => {
  owner = (await openScratchDatabase('neuraform_mutations')).owner
})

afterAll(async () => {
  await owner.end()
})

describe('the matrix', () => {
  it('sees every part of row-level security that is taken away', async () => {
    const tables = await tablesOf(owner)
    const mutations = await listMutations(owner, tables.keys())
    const survivors: string[] = []
    await owner.query('begin')
    try {
      const scene = await makeScene(owner)
      const nothing = { table: 'users', statement: 'select 1' }
      expect(await isKilled(scene, tables, nothing)).toBe(false)
      for (const mutation of mutations) {
        if (!(await isKilled(scene, tables, mutation))) survivors.push(mutation.statement)
      }
    } finally {
      await owner.query('rollback')
    }
    // oxlint-disable-next-line no-console -- the figure that the test is about
    console.info(`${mutations.length} mutations, ${mutations.length - survivors.length} killed`)
    expect(mutations.length).toBeGreaterThan(100)
    expect(survivors).toEqual([])
  }, 120_000)

  it('takes one operand of a rule away at a time', () => {
    expect(withoutOne("((a = f(x AND y)) AND ((b = 'c') OR EXISTS ( SELECT 1)))")).toEqual([
      "(((b = 'c') OR EXISTS ( SELECT 1)))",
      '((a = f(x AND y)))',
      '((a = f(x AND y)) AND (EXISTS ( SELECT 1)))',
      "((a = f(x AND y)) AND ((b = 'c')))",
    ])
  })
})

/** Whether the matrix finds something wrong: on the table itself first, then in what calls do, then anywhere. */
async function isKilled(
  scene: Scene,
  tables: ReadonlyMap<string, string | undefined>,
  { table, statement }: Mutation,
): Promise<boolean> {
  await owner.query(`savepoint mutation; ${statement}`)
  try {
    const isWrong = async (findings: ReturnType<typeof tryCalls>) => wrongIn(await findings, scene).length > 0
    return (
      (await isWrong(tryTables(owner, scene, new Map([[table, tables.get(table)]])))) ||
      (await isWrong(tryCalls(owner, scene))) ||
      (await isWrong(tryTables(owner, scene, tables)))
    )
  } finally {
    await owner.query('rollback to savepoint mutation; release savepoint mutation')
  }
}
