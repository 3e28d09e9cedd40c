import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { findPgBouncer, pgBouncerMissing } from '#scripts/stack/pgbouncer.ts'

const script = join(import.meta.dirname, '../../bench/turn.ts')

describe('what a turn adds to the first word', () => {
  // oxlint-disable-next-line no-console -- what a skipped test lacks
  if (findPgBouncer() === undefined) console.warn(pgBouncerMissing)

  it.skipIf(findPgBouncer() === undefined)(
    'is measured beside a bare relay, judged by its limit, and turns at once are whole',
    { timeout: 300_000 },
    async () => {
      const run = promisify(execFile)(process.execPath, [script, '--rounds=3', '--turns=30'])
      // So short a run says nothing of the time: only that it is measured and a verdict is given.
      const { stdout } = await run.catch((error: { stdout?: string }) => ({ stdout: error.stdout ?? '' }))
      const rows = stdout.split('\n').filter((line) => /\| -?[\d.]+ ms \|/.test(line))
      expect(rows).toHaveLength(5)
      expect(stdout).toContain('30 at once: 30 whole')
      expect(stdout.trim()).toMatch(/≤ one flight \+ 5 ms: (held|over)\n30 turns at once: hold$/)
    },
  )
})
