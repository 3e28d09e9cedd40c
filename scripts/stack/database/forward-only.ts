import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readMigrationFiles } from 'drizzle-orm/migrator'
import * as z from 'zod'
import { StackFailure } from '#scripts/stack/failure.ts'

/** A migration as a database remembers it: when it was written (ms since 1970) and its SHA-256. */
export interface AppliedMigration {
  readonly writtenAt: number
  readonly hash: string
}

export interface Migration extends AppliedMigration {
  readonly name: string
}

const Journal = z.object({ entries: z.array(z.object({ tag: z.string() })) })

/** The migrations of a folder, oldest first. */
export async function readMigrations(folder: string): Promise<readonly Migration[]> {
  const { entries } = Journal.parse(JSON.parse(await readFile(join(folder, 'meta/_journal.json'), 'utf8')))
  const files = readMigrationFiles({ migrationsFolder: folder })
  return entries.flatMap(({ tag }, at) => {
    const file = files[at]
    return file === undefined ? [] : [{ name: tag, writtenAt: file.folderMillis, hash: file.hash }]
  })
}

/**
 * Throws a StackFailure unless what a database has are the first migrations of this version, unchanged. drizzle
 * compares times with its last one only, and would pass over each of these in silence.
 */
export function assertForward(applied: readonly AppliedMigration[], known: readonly Migration[]): void {
  const knownAt = new Map(known.map((migration) => [migration.writtenAt, migration]))
  const appliedAt = new Set(applied.map(({ writtenAt }) => writtenAt))
  const foreign = applied.filter(({ writtenAt }) => !knownAt.has(writtenAt))
  if (foreign.length > 0) {
    throw refusal(
      `The database has ${foreign.length} of ${applied.length} migrations that this version lacks: a newer version set it up, or their files are gone. Use that version or a later one.`,
    )
  }
  const changed = applied.flatMap(({ writtenAt, hash }) => {
    const migration = knownAt.get(writtenAt)
    return migration === undefined || migration.hash === hash ? [] : [migration.name]
  })
  if (changed.length > 0) {
    throw refusal(
      `Changed since the database applied it: ${changed.join(', ')}. Put the file back as it was, and what is to change into a migration of its own (npm run db:new NAME).`,
    )
  }
  const newest = Math.max(...appliedAt)
  const late = known.filter(({ writtenAt }) => writtenAt < newest && !appliedAt.has(writtenAt))
  if (late.length > 0) {
    throw refusal(
      `Written before the last one that the database has, and so never applied: ${late.map(({ name }) => name).join(', ')}. Make it again, as the last one (npm run db:new NAME).`,
    )
  }
}

const refusal = (what: string) =>
  new StackFailure(`${what} No migration was applied. A local stack can start over: npm run dev -- --fresh.`)
