import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { Explained, workOf } from '#bench/scale/plan.ts'
import { judgeFlights, judgeStatement, type Grown, type Measured } from '#bench/scale/verdicts.ts'

const measured: Measured = {
  name: 'listThings 1.2 select things',
  flight: 'listThings 1',
  nodes: 'Limit > Index Scan things_idx',
  rowsRead: 51,
  rowsOfSmallTables: 0,
  buffers: 54,
  scannedTables: [],
  returned: 51,
  bound: 0,
  ownerBuffers: 54,
  p50Ms: 1,
  p95Ms: 1,
}

const grown = (...sizes: Partial<Measured>[]): Grown => ({
  name: measured.name,
  person: 'heavy',
  sizes: sizes.map((changed, at) => ({ percent: 10 ** at, measured: { ...measured, ...changed } })),
})

describe('a statement', () => {
  const isOk = (...sizes: Partial<Measured>[]) => judgeStatement(grown(...sizes)).isOk

  it('may read three times the rows that it returns and a hundred more, at every size', () => {
    expect(isOk({ rowsRead: 253 }, {})).toBe(true)
    expect(isOk({ rowsRead: 254 }, {})).toBe(false)
    expect(isOk({}, { rowsRead: 254 })).toBe(false)
    expect(isOk({ rowsRead: 300, rowsOfSmallTables: 47 }, {})).toBe(true)
  })

  it('may read as much for what it searches, when that is more than it returns', () => {
    expect(isOk({ rowsRead: 256, bound: 52 })).toBe(true)
    expect(isOk({ rowsRead: 257, bound: 52 })).toBe(false)
  })

  it('may cost a little more than the owner pays for the same rows', () => {
    expect(isOk({ buffers: 62 })).toBe(true)
    expect(isOk({ buffers: 63 })).toBe(false)
    expect(isOk({ buffers: 63, ownerBuffers: undefined })).toBe(true)
  })

  it('may read no table from end to end', () => {
    expect(isOk({ scannedTables: ['things'] }, {})).toBe(false)
  })
})

describe('a flight', () => {
  const growths = (...statements: Grown[]) => judgeFlights(statements).map(({ growth, isOk }) => [growth, isOk])

  it('may take half as many buffers again at the largest size as at the smallest, over all its statements', () => {
    expect(growths(grown({}, { buffers: 500 }, { buffers: 81 }))).toEqual([[1.5, true]])
    expect(growths(grown({}, {}, { buffers: 82 }))).toEqual([[82 / 54, false]])
    expect(growths(grown({}, { buffers: 90 }), grown({}, {}))).toEqual([[144 / 108, true]])
    expect(growths(grown({}, { buffers: 90 }), grown({ flight: 'other 1' }, {}))).toHaveLength(2)
  })

  it('is not judged where one size is all there is, or where there is ever more to find', () => {
    expect(growths(grown({}))).toEqual([[undefined, true]])
    expect(growths(grown({ bound: 5 }, { bound: 50, buffers: 500 }))).toEqual([[undefined, true]])
  })
})

describe('the work of a statement', () => {
  const scan = (type: string, rows: number, removed: number, loops: number) => ({
    'Node Type': type,
    'Relation Name': 'things',
    'Actual Rows': rows,
    'Actual Loops': loops,
    'Rows Removed by Filter': removed,
    'Shared Hit Blocks': 3,
    'Shared Read Blocks': 1,
  })
  const explained = (text: string, plan: object) => Explained.parse({ 'Query Text': text, Plan: plan })

  it('counts what every scan inside it read, and the buffers of its outermost node', () => {
    const inside = explained('select 1 from things', scan('Seq Scan', 2, 8, 1))
    const own = explained('select * from app.f()', {
      'Node Type': 'Function Scan',
      'Shared Hit Blocks': 9,
      Plans: [scan('Index Scan', 1, 1, 5)],
    })
    const work = { nodes: 'Function Scan > Index Scan things; Seq Scan things', rowsRead: 20, buffers: 9 }
    expect(workOf([inside, own], new Set())).toEqual({ ...work, rowsOfSmallTables: 0, scannedTables: ['things'] })
    expect(workOf([inside, own], new Set(['things']))).toEqual({ ...work, rowsOfSmallTables: 10, scannedTables: [] })
  })

  it('adds the buffers of foreign keys, which are checked when a write has ended', () => {
    const key = explained('SELECT 1 FROM ONLY "public"."things" x', scan('Index Scan', 1, 0, 1))
    const trigger = explained('update things', scan('Index Scan', 1, 0, 1))
    const own = explained('insert into things', { 'Node Type': 'ModifyTable', 'Shared Hit Blocks': 20 })
    expect(workOf([trigger, key, own], new Set()).buffers).toBe(24)
  })
})

// How buffers grow is not judged at one size, and at sizes so small nothing would follow from it: small tables are read whole.
it(
  'every list, search, turn and rotation stays on an index and costs what the owner pays',
  { timeout: 60_000 },
  async () => {
    const sizes = ['--messages', '10000', '--conversations', '500', '--users', '100', '--heavy-every', '10']
    const run = promisify(execFile)(process.execPath, ['bench/scale.ts', ...sizes, '--sizes', '100', '--runs', '1'])
    const { stdout } = await run.catch((error: { stdout: string }) => error)
    expect(stdout.split('\n').filter((line) => line.endsWith('| over |'))).toEqual([])
    expect(stdout).toMatch(/\n\| listMessages 1\.3 select messages \(heavy\) .*\| 1\.0\d +\| ok \|\n/)
    const searches = stdout.split('\n').filter((line) => /^\| searchMessages.* app\.find_messages /.test(line))
    expect(searches.map((line) => line.includes('Bitmap Index Scan messages_words_idx'))).toEqual(Array(8).fill(true))
    expect(stdout).toContain('100 %: 10000 messages, 500 conversations, 100 users')
    expect(stdout).toMatch(/\n\d{3} statements in \d{2} flights, 0 over\n$/)
  },
)
