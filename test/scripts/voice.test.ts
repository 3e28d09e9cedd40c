import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { findPgBouncer, pgBouncerMissing } from '#scripts/stack/pgbouncer.ts'

const script = join(import.meta.dirname, '../../bench/voice.ts')

describe('what speech costs', () => {
  // oxlint-disable-next-line no-console -- what a skipped test lacks
  if (findPgBouncer() === undefined) console.warn(pgBouncerMissing)

  it.skipIf(findPgBouncer() === undefined)(
    'is measured beside a bare Worker; a hit is one flight, and a line is made once for two isolates',
    { timeout: 300_000 },
    async () => {
      const sizes = ['--rounds=4', '--requests=40', '--lines=4', '--bytes=2000000']
      const run = promisify(execFile)(process.execPath, [script, ...sizes])
      // So short a run says nothing of the time: only that it is measured and a verdict is given.
      const { stdout } = await run.catch((error: { stdout?: string }) => ({ stdout: error.stdout ?? '' }))
      expect(stdout).toContain('| hits of exactly one flight | 4 of 4 |')
      expect(
        [...stdout.matchAll(/\| calls of the vendor, and answers of 200 \| (.*?) \|/g)].map(([, of]) => of),
      ).toEqual(['4, and 40', '1, and 50'])
      expect(stdout.trim().split('\n').slice(-7)).toEqual([
        expect.stringMatching(/^a line is played in ≤ 1\.25 × a bare Worker: (held|over)$/),
        '4 hits are one flight each: held',
        expect.stringMatching(/^added to the first sample ≤ one flight \+ 10 ms: (held|over)$/),
        '40 requests over 4 lines call the vendor 4 times: held',
        '50 requests at once call the vendor once: held',
        // And of memory as little: these bounds are for lines of 20 MB.
        expect.stringMatching(/^lines of 2\.0 MB make the isolate grow by ≤ 15\.7 MB: (held|over)$/),
        expect.stringMatching(/^the Worker runs ≤ 6\.3 MB ahead of its listener: (held|over)$/),
      ])
    },
  )
})
