import { describe, expect, it } from 'vitest'
import { sourcesUnder, type Source } from '#test/house/sources.ts'

const slices = ['auth', 'accounts', 'personas', 'conversations', 'memories', 'voice', 'privacy', 'operations']
const anySlice = `(?:${slices.join('|')})`
const shared = ['config\\.ts', '(?:audit|usage|vault|http|db|llm|speech)/.+']
/** What every slice may take: the shared rooms, and another slice's tables and wire shapes. */
const forSlices = [...shared, `${anySlice}/(?:tables|shapes)\\.ts`]

/** What each room may import from other rooms, as patterns of paths under `src`. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  'index.ts': ['app\\.ts', ...shared, 'operations/scheduled\\.ts', 'privacy/data-key-rotation\\.ts'],
  'app.ts': ['config\\.ts', 'http/.+', `(?:${anySlice}|usage)/(?:\\w+-)?routes\\.ts`],
  'config.ts': [],
  // A key that a client chose belongs to a person, so its table refers to theirs.
  http: ['config\\.ts', 'db/.+', 'vault/.+', 'accounts/tables\\.ts'],
  db: ['config\\.ts', 'http/.+'],
  audit: ['config\\.ts', 'http/.+', 'db/.+', 'accounts/tables\\.ts'],
  usage: ['config\\.ts', 'http/.+', 'db/.+', '(?:accounts|voice)/tables\\.ts'],
  vault: ['config\\.ts', 'http/.+', 'db/.+', 'audit/.+'],
  llm: ['config\\.ts', 'http/.+'],
  speech: ['config\\.ts', 'http/.+'],
  auth: forSlices,
  accounts: [...forSlices, 'auth/providers/verified-identity\\.ts'],
  personas: forSlices,
  conversations: [
    ...forSlices,
    'voice/speak\\.ts',
    'personas/cards/.+',
    'memories/(?:draw|recall|remember|rules|told)\\.ts',
  ],
  memories: forSlices,
  voice: forSlices,
  privacy: [...forSlices, `${anySlice}/personal-data\\.ts`],
  operations: [
    ...forSlices,
    'privacy/(?:erasure|rewrap-data-keys)\\.ts',
    'auth/revocations\\.ts',
    'conversations/end-stuck-turns\\.ts',
    'voice/evict-audio\\.ts',
  ],
}

/** Packages that only some files may know, and which. */
const packages: readonly (readonly [pattern: RegExp, files: RegExp])[] = [
  [/^hono(\/|$)/, /^src\/(http\/|app\.ts$|\w+\/[\w-]+-(form|page)\.ts$)/],
  [/^@hono\//, /^src\/(http\/|\w+\/(\w+-)?shapes\.ts$|\w+\/([\w]+-)?routes\.ts$)/],
  [/^drizzle-orm/, /^src\/(?!llm\/|speech\/|[\w-]+\/([\w]+-)?routes\.ts$|app\.ts$|index\.ts$)/],
  [/^pg(\/|$)/, /^src\/db\//],
  [/^@neondatabase\//, /^src\/db\//],
  [/^arctic$/, /^src\/auth\/providers\//],
  [/^cloudflare:/, /^src\/(config|privacy\/data-key-rotation)\.ts$/],
]

interface Import {
  readonly path: string
  readonly line: string
  readonly target: string
}

function importsOf({ path, text }: Source): readonly Import[] {
  return [...text.matchAll(/\b(?:from|import)\s*\(?\s*(['"])([^'"\n]+)\1/g)].map(({ index, 2: target = '' }) => {
    const number = text.slice(0, index).split('\n').length
    return { path, target, line: `${path}:${number}: ${text.split('\n')[number - 1]?.trim()}` }
  })
}

const roomOf = (path: string) => path.split('/')[0] ?? ''

function isInOrder({ path, target }: Import): boolean {
  if (!target.startsWith('#src/')) return true
  const [room, wanted] = [roomOf(path.replace('src/', '')), target.replace('#src/', '')]
  if (roomOf(wanted) === room) return true
  return (mayImport[room] ?? []).some((pattern) => new RegExp(`^${pattern}$`).test(wanted))
}

const sources = sourcesUnder('src')
const imports = sources.flatMap(importsOf)
const linesOf = (found: readonly Import[]) => found.map(({ line }) => line)

describe('imports', () => {
  it('are found: every file that another one needs is imported somewhere', () => {
    expect(imports.length).toBeGreaterThan(200)
  })

  it('point one way, from the Worker over the slices to the shared rooms', () => {
    expect(linesOf(imports.filter((one) => !isInOrder(one)))).toEqual([])
  })

  it('come from rooms that are in the table, each of which is there', () => {
    const rooms = new Set(sources.map(({ path }) => roomOf(path.replace('src/', ''))))
    expect([...rooms].toSorted((a, b) => a.localeCompare(b))).toEqual(
      Object.keys(mayImport).toSorted((a, b) => a.localeCompare(b)),
    )
  })

  it('name files from the root of the source, but for the manifest', () => {
    const relative = imports.filter(({ target }) => target.startsWith('.') && !target.endsWith('/package.json'))
    expect(linesOf(relative)).toEqual([])
  })

  it('keep SQL out of routes, HTTP out of verbs, and vendors’ ports from the database', () => {
    const wrong = imports.filter(({ path, target }) =>
      packages.some(([pattern, files]) => pattern.test(target) && !files.test(path)),
    )
    const tables = imports.filter(({ path, target }) => path.endsWith('routes.ts') && target.endsWith('/tables.ts'))
    expect(linesOf([...wrong, ...tables])).toEqual([])
  })
})
