import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { wrongIn } from '#test/rls/expected.ts'
import { callTrials, findingsOf, tableTrials, tablesOf } from '#test/rls/findings.ts'
import { wrongOtherGrants, wrongTableGrants } from '#test/rls/grants.ts'
import { makeScene, type Scene } from '#test/rls/scene.ts'
import { connectTo, openScratchDatabase } from '#test/rls/scratch-database.ts'

let owner: Client
let edgeUrl: string

beforeAll(async () => {
  ;({ owner, edgeUrl } = await openScratchDatabase('neuraform_matrix', { pipeline: true }))
})

afterAll(async () => {
  await owner.end()
})

/** Runs work on a new scene in a transaction that leaves nothing behind. */
async function onScene<T>(work: (scene: Scene) => Promise<T>): Promise<T> {
  await owner.query('begin')
  try {
    return await work(await makeScene(owner))
  } finally {
    await owner.query('rollback')
  }
}

describe('every role', () => {
  it('has the grants that it is for, by table, column and function, and no other', async () => {
    expect(await wrongTableGrants(owner, (await tablesOf(owner)).keys())).toEqual([])
    expect(await wrongOtherGrants(owner)).toEqual([])
  })
})

describe('row-level security', () => {
  it('has two people’s rows, or a row of nobody’s, in every table, so that finding none means something', async () => {
    const empty = await onScene(async () => {
      const found: string[] = []
      for (const [table, column] of await tablesOf(owner)) {
        const isPeopled = column === undefined ? 'count(*) > 0' : `count(distinct ${column}) > 1`
        const { rowCount } = await owner.query(`select from public.${table} having ${isPeopled}`)
        if (rowCount === 0) found.push(`${table}: add rows to test/rls/people.ts or scene.ts`)
      }
      return found
    })
    expect(empty).toEqual([])
  })

  it('gives a person their own rows for the verbs that they have, each role what it is for, and nobody any other', async () => {
    const { wrong, size } = await onScene(async (scene) => {
      const findings = await Array.fromAsync(findingsOf(tableTrials(owner, scene, await tablesOf(owner))))
      return { wrong: await Array.fromAsync(wrongIn(findings, scene)), size: findings.length }
    })
    // oxlint-disable-next-line no-console -- the figure that the test is about
    console.info(`${size} combinations of table, verb and asker, ${wrong.length} wrong`)
    expect(size).toBeGreaterThan(500)
    expect(wrong).toEqual([])
  })

  it('lets every function do its work, and refuses what only a part of a rule refuses', async () => {
    expect(await onScene((scene) => Array.fromAsync(wrongIn(findingsOf(callTrials(owner, scene)), scene)))).toEqual([])
  })

  it('lets the login reach no table by any verb before it takes a role', async () => {
    const edge = await connectTo(edgeUrl)
    try {
      for (const [table, column = 'id'] of await tablesOf(owner)) {
        const statements = [
          `select 1 from public.${table}`,
          `insert into public.${table} default values`,
          `update public.${table} set ${column} = null`,
          `delete from public.${table}`,
        ]
        for (const statement of statements) {
          await expect(edge.query(statement)).rejects.toMatchObject({ code: '42501' })
        }
      }
    } finally {
      await edge.end()
    }
  })
})
