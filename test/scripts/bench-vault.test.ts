import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

it(
  'opens a page of messages within the CPU time that it may take, by one round of the benchmark',
  { timeout: 120_000 },
  async () => {
    const run = promisify(execFile)(process.execPath, [
      join(import.meta.dirname, '../../bench/vault.ts'),
      '--rounds',
      '1',
      '--only',
      'open',
    ])
    const { stdout, code } = await run.then(
      (done) => ({ ...done, code: 0 }),
      (error: { stdout: string; code: unknown }) => error,
    )
    const costs = [...stdout.matchAll(/\| (\d+\.\d{3}) ms \|/g)].map(([, cost]) => Number(cost))
    expect(costs).toHaveLength(1)
    expect(costs[0]).toBeGreaterThan(0)
    expect(stdout).toMatch(/\nA page of 50 messages may take 3 ms: ok\n$/)
    expect(code).toBe(0)
  },
)
