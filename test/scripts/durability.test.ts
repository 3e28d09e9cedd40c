import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const script = join(import.meta.dirname, '../../bench/durability.ts')

it(
  'what was acknowledged is there once, though connections, Worker and client were killed meanwhile',
  { timeout: 300_000 },
  async () => {
    const run = promisify(execFile)(process.execPath, [script, '--messages=60', '--kills=6', '--clients=6'])
    const { stdout, code } = await run.then(
      (done) => ({ ...done, code: 0 }),
      (error: { stdout: string; code: unknown }) => error,
    )
    const [acknowledged, killed, verdict] = stdout.trim().split('\n')
    expect(Number(/^(\d+) acknowledged \(/.exec(acknowledged ?? '')?.[1])).toBeGreaterThanOrEqual(60)
    expect(killed).toBe('6 killed (2 × connections, 2 × Worker, 2 × client)')
    expect([verdict, code]).toEqual(['0 lost, 0 doubled, 0 rows broken', 0])
  },
)
