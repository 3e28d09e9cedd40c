import { describe, expect, it } from 'vitest'
import { findPgBouncer, pgBouncerMissing } from '#scripts/stack/pgbouncer.ts'
import { shareBenches } from '#test/scripts/share-benches.ts'

const bench = shareBenches('neuraform_bench_beside', [])

// So short runs say nothing of the time: only that it is measured and a verdict is given.
describe('behind a pooler', () => {
  it(
    'what a turn adds to the first word is measured beside a bare relay, judged by its limit, and turns at once are whole',
    { timeout: 300_000 },
    async ({ skip }) => {
      skip(findPgBouncer() === undefined, pgBouncerMissing)
      const { stdout } = await bench('turn', '--rounds=3', '--turns=30')
      const rows = stdout.split('\n').filter((line) => /\| -?[\d.]+ ms \|/.test(line))
      expect(rows).toHaveLength(5)
      expect(stdout).toContain('30 at once: 30 whole')
      expect(stdout.trim()).toMatch(/≤ one flight \+ 5 ms: (held|over)\n30 turns at once: hold$/)
    },
  )

  it(
    'what speech costs is measured beside a bare Worker; a hit is one flight, and a line is made once for two isolates',
    { timeout: 300_000 },
    async ({ skip }) => {
      skip(findPgBouncer() === undefined, pgBouncerMissing)
      const { stdout } = await bench('voice', '--rounds=4', '--requests=40', '--lines=4', '--bytes=2000000')
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
