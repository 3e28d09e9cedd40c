import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { defaultMigrationsFolder } from '#scripts/stack/database/migrations.ts'

export interface Entry {
  readonly tag: string
  readonly when: number
  readonly breakpoints: boolean
}

/** A migration that was written so many seconds after another one; before it where the number is negative. */
export const entryAfter = (other: Entry | undefined, tag: string, seconds: number): Entry => ({
  tag,
  when: (other?.when ?? 0) + seconds * 1000,
  breakpoints: true,
})

/** A copy of the project's migrations as another version may have them: other entries, and files written anew. Gone after the test. */
export async function otherMigrations(
  change: (entries: readonly Entry[]) => readonly Entry[],
  files: Readonly<Record<string, string>> = {},
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'neuraform-migrations-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  await cp(defaultMigrationsFolder, folder, { recursive: true })
  const journal = join(folder, 'meta/_journal.json')
  const read = JSON.parse(await readFile(journal, 'utf8')) as { entries: readonly Entry[] }
  await writeFile(journal, JSON.stringify({ ...read, entries: change(read.entries) }))
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, `${name}.sql`), text)
  return folder
}
