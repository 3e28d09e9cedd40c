import { describe, expect, it } from 'vitest'
import { configurationNames } from '#scripts/stack/environment.ts'
import { read } from '#test/house/sources.ts'

/** The variables of `src/config.ts`, which knows Workers' types and so cannot be imported in Node. */
const block = /const Variables = z\n {2}\.object\(\{\n([\s\S]*?)\n {2}\}\)/.exec(read('src/config.ts'))?.[1] ?? ''
const names = block.split('\n').flatMap((line) => /^ {4}(\w+): /.exec(line)?.[1] ?? [])

describe('every variable of the configuration', () => {
  it('is found', () => {
    expect(names.length).toBeGreaterThan(20)
    expect(names.filter((name) => !/^[A-Z][A-Z0-9_]+$/.test(name))).toEqual([])
  })

  it('reaches the local Worker', () => {
    const passed = new Set<string>(configurationNames)
    expect(names.filter((name) => !passed.has(name))).toEqual([])
  })

  it('has a line in .dev.vars.example under a comment, and nothing else has', () => {
    const lines = read('.dev.vars.example').split('\n')
    const shown = lines.flatMap((line, at) =>
      /^#? ?[A-Z][A-Z0-9_]+=/.test(line) ? [{ line, above: lines[at - 1] }] : [],
    )
    const explained = shown.filter(({ above }) => above?.startsWith('# '))
    const inOrder = (list: readonly string[]) => list.toSorted((a, b) => a.localeCompare(b))
    const nameOf = ({ line }: { line: string }) => line.replace(/^# ?/, '').split('=')[0] ?? ''
    const variables = explained.map(nameOf).filter((name) => !name.startsWith('CLOUDFLARE_'))
    expect(inOrder(variables)).toEqual(inOrder(names))
  })

  it('has a row in the README’s table, and no row is of something that nobody reads', () => {
    const table = read('README.md').split('| name | what | default |')[1]?.split('\n\n')[0] ?? ''
    const cells = table.split('\n').map((row) => row.split('|')[1] ?? '')
    const named = cells.flatMap((cell) => [...cell.matchAll(/`([A-Z][A-Z0-9_]+)`/g)].map(([, name = '']) => name))
    expect(names.filter((name) => !named.includes(name))).toEqual([])
    const config = read('src/config.ts')
    expect(named.filter((name) => !new RegExp(`\\b${name}\\b`).test(config))).toEqual([])
  })
})

it('the daily event is one that wrangler.toml asks for', () => {
  const daily = /const dailyCron = '([^']+)'/.exec(read('src/operations/scheduled.ts'))?.[1] ?? 'none'
  expect(read('wrangler.toml')).toMatch(
    new RegExp(`^crons = \\[.*"${daily.replaceAll('*', String.raw`\*`)}".*\\]$`, 'm'),
  )
})
