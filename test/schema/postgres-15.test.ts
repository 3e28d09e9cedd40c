import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { promisify } from 'node:util'
import { expect, it, onTestFinished } from 'vitest'
import * as z from 'zod'

const binaries = '/usr/lib/postgresql/15/bin'
const howToRun = `Skipped, for no PostgreSQL 15 is in ${binaries}: “apt-get install postgresql-15” puts Debian’s there`
const mostMs = 240_000
const root = join(import.meta.dirname, '../..')

/** What must hold on the oldest PostgreSQL that will do: the schema, row security, and the main job by both transports. */
const files = [
  'test/schema/server-version.test.ts',
  'test/schema/migrations.test.ts',
  'test/schema/catalogue.test.ts',
  'test/schema/privileges.test.ts',
  'test/schema/login.test.ts',
  'test/rls/matrix.test.ts',
  'test/rls/functions.test.ts',
  'test/rls/sign-in-functions.test.ts',
  'test/contract/strict-answers.test.ts',
  'test/faults/neon-walk.test.ts',
]

const Report = z.object({
  testResults: z.array(z.object({ name: z.string(), assertionResults: z.array(z.object({ status: z.string() })) })),
})

/** Runs the files in a vitest of its own, on the PostgreSQL of these programs: the files that passed, and what it said if not all did. */
async function runOn(postgres: string): Promise<{ code: unknown; said: string; passed: Set<string> }> {
  const folder = await mkdtemp(join(tmpdir(), 'neuraform-postgres-15-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const outputFile = join(folder, 'report.json')
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${outputFile}`]
  const { code, said } = await promisify(execFile)(
    process.execPath,
    [join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--no-isolate', ...reporters, ...files],
    { cwd: root, env: { ...process.env, POSTGRES_BINARIES: postgres, NO_COLOR: '1' }, timeout: mostMs },
  ).then(
    () => ({ code: 0, said: '' }),
    (error: { code: unknown; stdout: string; stderr: string }) => ({
      code: error.code,
      said: error.stdout + error.stderr,
    }),
  )
  const text = await readFile(outputFile, 'utf8').catch(() => '{"testResults":[]}')
  const passed = Report.parse(JSON.parse(text)).testResults.filter(({ assertionResults }) =>
    assertionResults.every(({ status }) => status === 'passed'),
  )
  return { code, said, passed: new Set(passed.map(({ name }) => relative(root, name))) }
}

it('what holds on PostgreSQL 17 holds on 15', { timeout: mostMs + 5_000 }, async ({ skip }) => {
  if (!existsSync(join(binaries, 'postgres'))) {
    // oxlint-disable-next-line no-console -- why it did not run
    console.info(howToRun)
    skip(howToRun)
  }
  expect(await runOn(binaries)).toEqual({ code: 0, said: '', passed: new Set(files) })
})
