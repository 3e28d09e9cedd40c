import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { describe, expect, it } from 'vitest'
import { configurationNames } from '#scripts/stack/environment.ts'

const root = join(import.meta.dirname, '../..')

interface Source {
  readonly path: string
  readonly text: string
  readonly lines: number
}

function sourcesUnder(folder: string): Source[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => {
      const file = join(entry.parentPath, entry.name)
      const text = readFileSync(file, 'utf8')
      return { path: relative(root, file), text, lines: text.split('\n').length - 1 }
    })
}

const source = sourcesUnder('src')
const slices = new Set(['auth', 'accounts', 'personas', 'conversations', 'voice', 'privacy', 'operations'])
const shared = new Set(['audit', 'vault', 'http', 'db', 'llm', 'speech'])
/** What one slice may take from another: its tables and its wire shapes; and from these, what is named. */
const named: Readonly<Record<string, readonly string[]>> = {
  privacy: ['personal-data.ts'],
  operations: ['privacy/erasure.ts'],
  accounts: ['auth/providers/verified-identity.ts'],
}

const importsOf = (text: string) => [...text.matchAll(/(?:from|import) '([^']+)'/g)].map(([, target = '']) => target)
const roomOf = (path: string) => path.replace(/^(src|#src)\//, '').split('/')[0] ?? ''

function wrongImports({ path, text }: Source): string[] {
  const room = roomOf(path)
  return importsOf(text)
    .filter((target) => target.startsWith('#src/'))
    .filter((target) => !mayImport(room, target.replace('#src/', '')))
    .map((target) => `${path} imports ${target}`)
}

function mayImport(room: string, target: string): boolean {
  const other = roomOf(target)
  if (room === 'index.ts' || room === 'app.ts' || room === other || target === 'config.ts') return true
  // Two tables of the shared rooms refer to people; see ARCHITECTURE.
  if (target === 'accounts/tables.ts') return true
  if (shared.has(room)) return shared.has(other)
  if (!slices.has(other)) return shared.has(other)
  return /^\w+\/(tables|shapes)\.ts$/.test(target) || (named[room] ?? []).some((end) => target.endsWith(end))
}

describe('the house', () => {
  it('has imports that point one way', () => {
    expect(source.flatMap(wrongImports)).toEqual([])
  })

  it('keeps SQL out of routes and HTTP out of verbs', () => {
    const routes = source.filter(({ path }) => path.endsWith('routes.ts'))
    expect(routes.length).toBeGreaterThan(6)
    expect(routes.filter(({ text }) => importsOf(text).some((target) => /drizzle|tables\.ts/.test(target)))).toEqual([])
    const verbs = source.filter(({ path }) => slices.has(roomOf(path)) && !path.endsWith('routes.ts'))
    expect(
      verbs.filter(({ text }) => importsOf(text).some((target) => target === 'hono')).map(({ path }) => path),
    ).toEqual([])
  })

  it('has small files', () => {
    const sizes = source.map(({ lines }) => lines).toSorted((a, b) => a - b)
    const median = sizes[Math.floor(sizes.length / 2)] ?? 0
    const long = [...source, ...sourcesUnder('scripts'), ...sourcesUnder('test'), ...sourcesUnder('bench')]
      .filter(({ lines }) => lines > 300)
      .map(({ path }) => path)
    expect(long).toEqual([])
    expect(median).toBeLessThanOrEqual(90)
  })

  it('has names of the field and no drawers for odds and ends', () => {
    const drawers = source.filter(({ path }) => /(utils|helpers|common|manager|impl|misc)\b/i.test(path))
    const barrels = source.filter(({ path, text }) => path !== 'src/index.ts' && /^export \* from/m.test(text))
    expect([...drawers, ...barrels].map(({ path }) => path)).toEqual([])
  })

  it('reads the environment in one place', () => {
    const readers = source.filter(({ text }) => /process\.env|c\.env\.|\benv\.[A-Z_]{3,}/.test(text))
    expect(readers.map(({ path }) => path)).toEqual([])
  })

  it('sets what a transaction may know only for that transaction, and only in the door', () => {
    const settings = source
      .filter(({ text }) => /set_config\(|\bset (local|session)\b/.test(text))
      .map(({ path }) => path)
    expect(settings).toEqual(['src/db/scope.ts'])
    expect(source.filter(({ text }) => /set_config\([^)]*false\)/.test(text))).toEqual([])
  })

  it('has no unfinished business', () => {
    expect(source.filter(({ text }) => /TODO|FIXME|XXX|not implemented/.test(text)).map(({ path }) => path)).toEqual([])
  })
})

describe('the configuration', () => {
  const config = readFileSync(join(root, 'src/config.ts'), 'utf8')
  const names = [...config.matchAll(/^ {4}([A-Z][A-Z0-9_]+):/gm)].map(([, name = '']) => name)
  const example = readFileSync(join(root, '.dev.vars.example'), 'utf8')
  const readme = readFileSync(join(root, 'README.md'), 'utf8')

  it('reaches the local Worker name by name', () => {
    expect(names.length).toBeGreaterThan(20)
    const passed: readonly string[] = configurationNames
    expect(names.filter((name) => !passed.includes(name))).toEqual([])
  })

  it('has a line in .dev.vars.example and a row in the README for every name', () => {
    expect(names.filter((name) => !new RegExp(`^#? ?${name}=`, 'm').test(example))).toEqual([])
    expect(names.filter((name) => !readme.includes(`\`${name}\``))).toEqual([])
  })
})
