import { describe, expect, it } from 'vitest'
import { findPgBouncer, pgBouncerMissing } from '#scripts/stack/pgbouncer.ts'
import { shareBenches } from '#test/scripts/share-benches.ts'

const bench = shareBenches('neuraform_bench', ['door'])

// So short runs say nothing of the time: only that it is measured and a verdict is given.
describe('behind a pooler', () => {
  it(
    'the cost of the door is measured between Workers that answer the same rows, and judged by its two limits',
    { timeout: 300_000 },
    async ({ skip }) => {
      skip(findPgBouncer() === undefined, pgBouncerMissing)
      const { stdout } = await bench('door', '--rounds=1', '--milliseconds=100')
      const rows = stdout.split('\n').filter((line) => line.startsWith('| p50') || line.startsWith('| requests/s'))
      expect(rows).toHaveLength(6)
      for (const row of rows) expect(row).toMatch(/\| [\d.]+ (ms|\/s) \| [\d.]+ (ms|\/s) \| \d+\.\d{3} \|/)
      expect(rows.filter((row) => /\| (held|over) \|$/.test(row))).toHaveLength(2)
      expect(stdout.trim()).toMatch(/p50 ≤ 1\.05 ×, requests\/s ≥ 0\.8 ×: (held|over)$/)
    },
  )
})

it(
  'what was acknowledged is there once, though connections, Worker and client were killed meanwhile',
  { timeout: 300_000 },
  async () => {
    const { stdout, code } = await bench('durability', '--messages=60', '--kills=6', '--clients=6')
    const [acknowledged, killed, verdict] = stdout.trim().split('\n')
    expect(Number(/^(\d+) acknowledged \(/.exec(acknowledged ?? '')?.[1])).toBeGreaterThanOrEqual(60)
    const cut = /^6 killed \(2 × connections, 2 × Worker, 2 × client\), (\d+) connections cut$/.exec(killed ?? '')?.[1]
    expect(Number(cut)).toBeGreaterThanOrEqual(2)
    expect([verdict, code]).toEqual(['0 lost, 0 doubled, 0 rows broken', 0])
  },
)
