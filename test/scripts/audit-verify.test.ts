import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { makePerson } from '#test/rls/people.ts'
import { openScratchDatabase, type ScratchDatabase } from '#test/rls/scratch-database.ts'
import { ownerUrlOf, putObject, runScript } from '#test/scripts/run-script.ts'

const databaseName = 'neuraform_verify'
let scratch: ScratchDatabase
let stateDirectory: string

beforeAll(async () => {
  scratch = await openScratchDatabase(databaseName)
  stateDirectory = await mkdtemp(join(tmpdir(), 'neuraform-state-'))
})

afterAll(async () => {
  await scratch.owner.end()
  await rm(stateDirectory, { recursive: true, force: true })
})

const verify = async (environment: Readonly<Record<string, string>>) =>
  await runScript('scripts/audit-verify.ts', environment)

it(
  'says that every chain holds, where one does not, and whether anchors were looked at',
  { timeout: 180_000 },
  async () => {
    const alone = { DATABASE_URL: ownerUrlOf(databaseName) }
    const person = await makePerson(scratch.owner)
    const chainId = String(person.rows.get('audit_chains')?.['chain_id'])
    expect(await verify(alone)).toEqual({
      code: 0,
      stdout: '1 chains, 1 entries, anchors not looked at (STORES=none): 0 faults\n',
      stderr: '',
    })
    await scratch.owner.query('update public.audit_chains set anchored_seq = head_seq')
    await putObject(stateDirectory, 'neuraform-anchors', 'audit/2026-01-01/corrupt.json', '{')
    expect(await verify({ ...alone, STORES: stateDirectory })).toEqual({
      code: 1,
      stdout:
        '✗ anchor audit/2026-01-01/corrupt.json: cannot be read\n' +
        `✗ chain ${chainId}, entry 1: not anchored\n1 chains, 1 entries, 0 anchored heads: 2 faults\n`,
      stderr: '',
    })
    await scratch.owner.query('begin; set local session_replication_role = replica')
    await scratch.owner.query(`update public.audit_log set action = 'test.other';
    update public.audit_chains set head_seq = 500000000; commit`)
    expect(await verify(alone)).toEqual({
      code: 1,
      stdout:
        `✗ chain ${chainId}, entry 1: changed\n✗ chain ${chainId}, entries 2 to 500000000: missing\n` +
        '1 chains, 1 entries, anchors not looked at (STORES=none): 2 faults\n',
      stderr: '',
    })
  },
)

it('says what it needs', { timeout: 60_000 }, async () => {
  expect(await verify({})).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('DATABASE_URL') })
})
