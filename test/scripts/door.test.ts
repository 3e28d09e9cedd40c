import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { findPgBouncer, pgBouncerMissing } from '#scripts/stack/pgbouncer.ts'

const script = join(import.meta.dirname, '../../bench/door.ts')

describe('the cost of the door', () => {
  // oxlint-disable-next-line no-console -- what a skipped test lacks
  if (findPgBouncer() === undefined) console.warn(pgBouncerMissing)

  it.skipIf(findPgBouncer() === undefined)(
    'is measured between Workers that answer the same rows, and judged by its two limits',
    { timeout: 300_000 },
    async () => {
      const run = promisify(execFile)(process.execPath, [script, '--rounds=1', '--milliseconds=100'])
      // So short a run says nothing of the cost: only that both are measured and a verdict is given.
      const { stdout } = await run.catch((error: { stdout?: string }) => ({ stdout: error.stdout ?? '' }))
      const rows = stdout.split('\n').filter((line) => line.startsWith('| p50') || line.startsWith('| requests/s'))
      expect(rows).toHaveLength(6)
      for (const row of rows) expect(row).toMatch(/\| [\d.]+ (ms|\/s) \| [\d.]+ (ms|\/s) \| \d+\.\d{3} \|/)
      expect(rows.filter((row) => /\| (held|over) \|$/.test(row))).toHaveLength(2)
      expect(stdout.trim()).toMatch(/p50 ≤ 1\.05 ×, requests\/s ≥ 0\.8 ×: (held|over)$/)
    },
  )
})
