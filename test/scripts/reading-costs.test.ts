import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, it } from 'vitest'

interface Cost {
  readonly file: string
  readonly outcome: readonly string[]
  readonly cpuMilliseconds: number
}

const script = join(import.meta.dirname, '../setup/reading-costs.ts')

/** What reading each file took, one after the other in one process with a heap of 128 MB; nothing of one that it had no room for. */
async function read(files: readonly string[]): Promise<readonly Cost[]> {
  const run = promisify(execFile)(process.execPath, ['--max-old-space-size=128', script, ...files])
  const { stdout } = await run.catch((error: { stdout: string }) => error)
  const lines = stdout.split('\n').filter(Boolean)
  return lines.map((line) => JSON.parse(line) as Cost)
}

describe('a file that is read with a heap of 128 MB', () => {
  const cases = [
    ['messages', 10_000, '10000 messages'],
    ['nodes', 10_000, '10000 messages'],
    ['names', 595_000, '0 messages'],
    ['shapes', 298_000, '0 messages'],
    ['lists', 190_000, '0 messages'],
    ['parts', 290_000, '0 messages'],
    ['swipes', 180, '180 messages'],
    ['tags', 290_000, '0 messages'],
    ['faults', 290_000, 'It has more than 10000 messages.'],
    ['faults', 499_000, 'It holds more than 600000 values.'],
    ['emptyNodes', 290_000, 'It has more than 10000 messages.'],
    ['emptyNodes', 490_000, 'It holds more than 600000 values.'],
  ] as const
  let costs: readonly Cost[]

  beforeAll(async () => {
    costs = await read(cases.map(([kind, count]) => `${kind}:${count}`))
  })

  it.each(cases)('may have these %s: %i', (kind, count, outcome) => {
    const found = costs.filter(({ file }) => file === `${kind}:${count}`)
    expect(found.map((one) => one.outcome)).toEqual([[outcome]])
  })
})

it('however much stands before the conversations costs no more than its length', async () => {
  const files = ['heads:5000', 'heads:20000']
  const costs = await read(Array.from({ length: 5 }, () => files).flat())
  expect(costs).toHaveLength(10)
  expect(new Set(costs.map(({ file, outcome }) => `${file} ${outcome.join()}`))).toEqual(
    new Set(['heads:5000 ', 'heads:20000 malformed_body']),
  )
  const [short = 0, long = 0] = files.map((one) =>
    Math.min(...costs.filter(({ file }) => file === one).map(({ cpuMilliseconds }) => cpuMilliseconds)),
  )
  expect(long / short).toBeLessThan(8)
})
