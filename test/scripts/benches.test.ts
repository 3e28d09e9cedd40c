import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bundleWorker } from '#bench/door/bundle.ts'
import { findPgBouncer, pgBouncerMissing } from '#scripts/stack/pgbouncer.ts'
import { openScratchDatabase } from '#test/rls/scratch-database.ts'
import { ownerUrlOf } from '#test/scripts/run-script.ts'

const root = join(import.meta.dirname, '../..')
const databaseName = 'neuraform_bench'
let given: Readonly<Record<string, string>> = {}
let bundles: string | undefined

// One database and one bundle of each Worker for all of them: to make these costs more than so short runs.
beforeAll(async () => {
  bundles = await mkdtemp(join(tmpdir(), 'neuraform-bundles-'))
  const [{ owner, edgeUrl }] = await Promise.all([
    openScratchDatabase(databaseName),
    bundleWorker(join(root, 'wrangler.toml'), join(bundles, 'service')),
    bundleWorker(join(root, 'bench/door/wrangler.toml'), join(bundles, 'door')),
  ])
  await owner.end()
  given = { BENCH_OWNER_URL: ownerUrlOf(databaseName), BENCH_EDGE_URL: edgeUrl, BENCH_BUNDLES: bundles }
})

afterAll(async () => {
  if (bundles !== undefined) await rm(bundles, { recursive: true })
})

/** Runs one of them, whatever its verdict. */
async function bench(name: string, ...options: readonly string[]) {
  const run = promisify(execFile)(process.execPath, [join(root, `bench/${name}.ts`), ...options], {
    env: { ...process.env, ...given },
  })
  return await run.then(
    ({ stdout }) => ({ stdout, code: 0 }),
    ({ stdout = '', code }: { stdout?: string; code?: unknown }) => ({ stdout, code }),
  )
}

// So short runs say nothing of the time: only that it is measured and a verdict is given.
describe('behind a pooler', () => {
  const isMissing = findPgBouncer() === undefined
  // oxlint-disable-next-line no-console -- what a skipped test lacks
  if (isMissing) console.warn(pgBouncerMissing)

  it.skipIf(isMissing)(
    'the cost of the door is measured between Workers that answer the same rows, and judged by its two limits',
    { timeout: 300_000 },
    async () => {
      const { stdout } = await bench('door', '--rounds=1', '--milliseconds=100')
      const rows = stdout.split('\n').filter((line) => line.startsWith('| p50') || line.startsWith('| requests/s'))
      expect(rows).toHaveLength(6)
      for (const row of rows) expect(row).toMatch(/\| [\d.]+ (ms|\/s) \| [\d.]+ (ms|\/s) \| \d+\.\d{3} \|/)
      expect(rows.filter((row) => /\| (held|over) \|$/.test(row))).toHaveLength(2)
      expect(stdout.trim()).toMatch(/p50 ≤ 1\.05 ×, requests\/s ≥ 0\.8 ×: (held|over)$/)
    },
  )

  it.skipIf(isMissing)(
    'what a turn adds to the first word is measured beside a bare relay, judged by its limit, and turns at once are whole',
    { timeout: 300_000 },
    async () => {
      const { stdout } = await bench('turn', '--rounds=3', '--turns=30')
      const rows = stdout.split('\n').filter((line) => /\| -?[\d.]+ ms \|/.test(line))
      expect(rows).toHaveLength(5)
      expect(stdout).toContain('30 at once: 30 whole')
      expect(stdout.trim()).toMatch(/≤ one flight \+ 5 ms: (held|over)\n30 turns at once: hold$/)
    },
  )

  it.skipIf(isMissing)(
    'what speech costs is measured beside a bare Worker; a hit is one flight, and a line is made once for two isolates',
    { timeout: 300_000 },
    async () => {
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

it(
  'what was acknowledged is there once, though connections, Worker and client were killed meanwhile',
  { timeout: 300_000 },
  async () => {
    const { stdout, code } = await bench('durability', '--messages=60', '--kills=6', '--clients=6')
    const [acknowledged, killed, verdict] = stdout.trim().split('\n')
    expect(Number(/^(\d+) acknowledged \(/.exec(acknowledged ?? '')?.[1])).toBeGreaterThanOrEqual(60)
    expect(killed).toBe('6 killed (2 × connections, 2 × Worker, 2 × client)')
    expect([verdict, code]).toEqual(['0 lost, 0 doubled, 0 rows broken', 0])
  },
)
