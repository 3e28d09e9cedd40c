import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, inject, it } from 'vitest'
import { defaultMigrationsFolder } from '#scripts/stack/database/migrations.ts'
import { setUpDatabase } from '#scripts/stack/database/set-up.ts'
import { entryAfter, otherMigrations } from '#test/schema/migration-folder.ts'
import { everythingIn, query, timeless } from '#test/schema/snapshot.ts'

let url: string

const setUp = async (databaseName: string, migrationsFolder = defaultMigrationsFolder) =>
  (
    await setUpDatabase({
      ownerUrl: inject('stack').ownerUrl,
      databaseName,
      edgePassword: decodeURIComponent(new URL(inject('stack').edgeUrl).password),
      migrationsFolder,
    })
  ).ownerUrl

beforeAll(async () => {
  url = await setUp('neuraform_forward')
  await query(url, `update personas set greeting = 'Of a newer version.'`)
})

/** What set-up says to a database of this version's when it is run from another; nothing may have changed. */
async function refusalOf(folder: string): Promise<unknown> {
  const before = await everythingIn(url)
  const refusal = await setUp('neuraform_forward', folder).catch((error: unknown) => error)
  expect(await everythingIn(url)).toEqual(before)
  return refusal
}

describe('a set-up refuses, and leaves everything as it is,', () => {
  it('a migration that was changed after it was applied', async () => {
    const name = '0003_sign_in_functions'
    const text = await readFile(join(defaultMigrationsFolder, `${name}.sql`), 'utf8')
    const folder = await otherMigrations((entries) => entries, { [name]: `${text}\n` })
    expect(String(await refusalOf(folder))).toBe(
      `StackFailure: Changed since the database applied it: ${name}. Put the file back as it was, and what is to change into a migration of its own (npm run db:new NAME). No migration was applied. A local stack can start over: npm run dev -- --fresh.`,
    )
  })

  it.each([
    ['a database that a newer version set up', -1],
    ['a migration that was applied and is gone', 8],
  ])('%s', async (_name, gone) => {
    const folder = await otherMigrations((entries) => entries.toSpliced(gone, 1))
    expect(String(await refusalOf(folder))).toMatch(
      /^StackFailure: The database has 1 of \d+ migrations that this version lacks: a newer version set it up, or their files are gone\. Use that version or a later one\./,
    )
  })

  it('a migration that was written before the last one that is applied, which would never be', async () => {
    const folder = await otherMigrations((entries) => [...entries, entryAfter(entries.at(-1), '0099_late', -1)], {
      '0099_late': '-- Late.\nselect 1',
    })
    expect(String(await refusalOf(folder))).toContain('and so never applied: 0099_late. Make it again, as the last one')
  })
})

it('a database of an older version becomes what one from nothing is', async () => {
  const older = await otherMigrations((entries) => entries.slice(0, 9))
  const grown = await setUp('neuraform_grown', older)
  const applied = 'select count(*)::int as count from drizzle.__drizzle_migrations'
  expect(await query(grown, applied)).toEqual([{ count: 9 }])
  await setUp('neuraform_grown')
  const fromNothing = await setUp('neuraform_from_nothing')
  expect(timeless(await everythingIn(grown))).toEqual(timeless(await everythingIn(fromNothing)))
})
