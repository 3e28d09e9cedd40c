import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, inject, it } from 'vitest'
import { query } from '#test/schema/snapshot.ts'

/** The major version of the programs that POSTGRES_BINARIES names, else of those from npm. */
function wantedVersion(): string | undefined {
  const named = process.env['POSTGRES_BINARIES']
  if (!named) return '17'
  return /\(PostgreSQL\) (\d+)/.exec(execFileSync(join(named, 'postgres'), ['--version'], { encoding: 'utf8' }))?.[1]
}

it('the tests run on the PostgreSQL that they were told to run on', async () => {
  const [row] = await query(inject('stack').ownerUrl, `select split_part(version(), ' ', 2) as version`)
  expect(String(row?.['version']).split('.')[0]).toBe(wantedVersion())
})
