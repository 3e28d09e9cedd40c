import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { generate, inCopy } from '#test/schema/drizzle-kit.ts'
import written from '#test/schema/migration-hashes.json' with { type: 'json' }

const root = join(import.meta.dirname, '../..')

// What asks no database: it is the same whatever PostgreSQL the migrations are for.
describe('the files of the migrations', () => {
  it('begin with a comment that says why', async () => {
    const files = (await readdir(join(root, 'drizzle'))).filter((name) => name.endsWith('.sql'))
    const first = await Promise.all(
      files.map(async (name) => (await readFile(join(root, 'drizzle', name), 'utf8')).slice(0, 3)),
    )
    expect(first).toEqual(files.map(() => '-- '))
  })

  it('stay as they are once they are written down: what is applied somewhere is never applied again', async () => {
    const files = (await readdir(join(root, 'drizzle'))).filter((name) => name.endsWith('.sql'))
    const hashes = await Promise.all(
      files.map(async (name) => [
        name,
        createHash('sha256')
          .update(await readFile(join(root, 'drizzle', name)))
          .digest('hex'),
      ]),
    )
    expect(Object.fromEntries(hashes)).toEqual(written)
  })

  it('change no column’s type: a Worker keeps how the columns of a statement are read', async () => {
    const files = (await readdir(join(root, 'drizzle'))).filter((name) => name.endsWith('.sql'))
    const texts = await Promise.all(files.map(async (name) => await readFile(join(root, 'drizzle', name), 'utf8')))
    const changesType = /\balter\s+(column\s+)?\S+\s+(set\s+data\s+)?type\b/i
    expect('alter table t ALTER COLUMN "a" SET DATA TYPE bigint').toMatch(changesType)
    expect('alter table t alter a type bigint').toMatch(changesType)
    expect(files.filter((_name, place) => changesType.test(texts[place] ?? ''))).toEqual([])
  })

  it('are what the tables say: drizzle-kit finds nothing to add', async () => {
    await inCopy(async (copy) => {
      expect(await generate(copy)).toContain('No schema changes')
    })
  })
})
