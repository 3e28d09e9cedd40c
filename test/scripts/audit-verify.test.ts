import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { makePerson } from '#test/rls/people.ts'
import { openScratchDatabase, type ScratchDatabase } from '#test/rls/scratch-database.ts'

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

async function verify(environment: Readonly<Record<string, string>>) {
  const run = promisify(execFile)(process.execPath, ['scripts/audit-verify.ts'], {
    // wrangler keeps what it knows of itself in the home directory.
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...environment },
  })
  const ended = await run.catch((error: { code: number; stdout: string; stderr: string }) => error)
  return { code: 'code' in ended ? ended.code : 0, stdout: ended.stdout, stderr: ended.stderr }
}

it('says that every chain holds, and where one does not', { timeout: 60_000 }, async () => {
  const url = new URL(inject('stack').ownerUrl)
  url.pathname = `/${databaseName}`
  const environment = { DATABASE_URL: url.href, STORES: stateDirectory }
  const person = await makePerson(scratch.owner)
  expect(await verify(environment)).toEqual({
    code: 0,
    stdout: '1 chains, 1 entries, 0 anchored heads: 0 faults\n',
    stderr: '',
  })
  await scratch.owner.query('begin; set local session_replication_role = replica')
  await scratch.owner.query(`update public.audit_log set action = 'test.other'; commit`)
  const chainId = String(person.rows.get('audit_chains')?.['chain_id'])
  expect(await verify(environment)).toEqual({
    code: 1,
    stdout: `✗ chain ${chainId}, entry 1: changed\n1 chains, 1 entries, 0 anchored heads: 1 faults\n`,
    stderr: '',
  })
})

it('says what it needs', async () => {
  expect(await verify({})).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('DATABASE_URL') })
})
