import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'

interface Costs {
  readonly costs: readonly { readonly count: number; readonly outcome: string[]; readonly cpuMilliseconds: number }[]
}

const script = join(import.meta.dirname, '../setup/reading-costs.ts')

async function read(kind: string, ...counts: readonly number[]): Promise<Costs['costs']> {
  const argv = ['--max-old-space-size=128', script, kind, ...counts.map(String)]
  const { stdout } = await promisify(execFile)(process.execPath, argv)
  return (JSON.parse(stdout) as Costs).costs
}

describe('a file that is read with a heap of 128 MB', () => {
  it.each([
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
  ])('may have these %s: %i', async (kind, count, outcome) => {
    expect((await read(kind, count)).map((one) => one.outcome)).toEqual([[outcome]])
  })
})

it('however much stands before the conversations costs no more than its length', async () => {
  const sizes = [5_000, 20_000]
  const costs = await read('heads', ...Array.from({ length: 5 }, () => sizes).flat())
  expect(new Set(costs.map(({ count, outcome }) => `${count} ${outcome.join()}`))).toEqual(
    new Set(['5000 ', '20000 malformed_body']),
  )
  const [short = 0, long = 0] = sizes.map((size) =>
    Math.min(...costs.filter(({ count }) => count === size).map(({ cpuMilliseconds }) => cpuMilliseconds)),
  )
  expect(long / short).toBeLessThan(8)
})
