import { describe, expect, it } from 'vitest'
import { linesWith, sourcesUnder } from '#test/house/sources.ts'

const source = sourcesUnder('src')
const everything = [...source, ...['scripts', 'test', 'bench'].flatMap((folder) => sourcesUnder(folder))]
const migrations = sourcesUnder('drizzle', '.sql')

describe('the house', () => {
  it('has small files', () => {
    const linesOf = ({ text }: { text: string }) => text.split('\n').length - 1
    const sizes = source.map(linesOf).toSorted((a, b) => a - b)
    const median = sizes[Math.floor(sizes.length / 2)] ?? Infinity
    // oxlint-disable-next-line no-console -- the figure that the test is about
    console.info(`${sizes.length} source files, median ${median} lines, longest ${sizes.at(-1)}`)
    expect(everything.filter((one) => linesOf(one) > 300).map(({ path }) => path)).toEqual([])
    expect(median).toBeLessThanOrEqual(90)
  })

  it('has names of the field and no drawers for odds and ends', () => {
    const drawers = everything.filter(({ path }) => /\b(utils?|helpers?|common|managers?|impl|misc)\b/i.test(path))
    expect(drawers.map(({ path }) => path)).toEqual([])
    expect(everything.filter(({ path }) => !/^[a-z0-9/.-]+$/.test(path)).map(({ path }) => path)).toEqual([])
  })

  it('has no file that only hands on what others export', () => {
    // The platform looks for a workflow's class in the Worker's own module.
    const rest = source.filter(({ path }) => path !== 'src/index.ts')
    expect(linesWith(/^export\s+(type\s+)?(\*|\{.*\})\s.*from\b/, rest)).toEqual([])
  })

  it('reads the environment in one place', () => {
    const readers = source.filter(({ path }) => path !== 'src/config.ts')
    expect(linesWith(/process\.env|import\.meta\.env|\benv(\.|\[|\?\.)|\}\s*=\s*(c\.)?env\b/, readers)).toEqual([])
  })

  it('has no unfinished business and names no hand behind it', () => {
    const unfinished = /\b(TODO|FIXME|XXX)\b|not implemented|Co-authored/i
    const others = everything.filter(({ path }) => path !== 'test/house/house.test.ts')
    expect(linesWith(unfinished, [...others, ...migrations])).toEqual([])
  })
})

describe('what a transaction may know', () => {
  it('is set for that transaction only', () => {
    const calls = linesWith(/set_config\(/, [...source, ...migrations])
    expect(calls.length).toBeGreaterThan(3)
    expect(calls.filter((line) => !/, true\)[^)]*$/.test(line))).toEqual([])
  })

  it('is set by the door alone', () => {
    const door = new Set(['src/db/scope.ts', 'src/db/database.ts'])
    const outside = source.filter(({ path }) => !door.has(path))
    const beforeComment = '^(?:(?!//).)*'
    expect(linesWith(new RegExp(`${beforeComment}(set_config\\(|\\bset\\s+local\\b)`, 'i'), outside)).toEqual([])
  })

  it('is never what outlives it: no bare SET, RESET, LISTEN, PREPARE or session lock anywhere', () => {
    const lasting = /[`'";]\s*(set\s+(?!local\b|null\b|default\b)\w|(reset|discard|listen|prepare|deallocate)\s+\w)/i
    expect(linesWith(lasting, source)).toEqual([])
    expect(linesWith(/pg_(try_)?advisory_lock/i, [...source, ...migrations])).toEqual([])
  })
})
