import type { SQL } from 'drizzle-orm'
import type { PgColumn, PgTable } from 'drizzle-orm/pg-core'
import type { Config } from '#src/config.ts'
import type { RequestScope } from '#src/db/scope.ts'

/** What a slice holds of a person. Rows go with the account by their foreign keys; blobs go through `eraseBlobs`. */
export interface PersonalData {
  readonly slice: string
  readonly tables: readonly PgTable[]
  /** The columns that hold what the person's data key sealed. */
  readonly sealed?: readonly PgColumn[]
  /**
   * Takes out what must outlast the rows and their key; the expressions that it returns keep it where the role of 'jobs'
   * selects them, in the transaction that then deletes the rows.
   */
  readonly release?: (scope: RequestScope, userId: string) => Promise<readonly SQL[]>
  /**
   * Deletes what lies outside the database, and returns the names of what it deleted; rows may say that there is some.
   * It may run again after it was cut short.
   */
  readonly eraseBlobs?: (config: Config, userId: string, hasSome: boolean) => Promise<ReadonlySet<string>>
  /** Deletes what a listing may not have shown yet, by the names that the last rows gave, but for what is deleted already. */
  readonly eraseNewBlobs?: (config: Config, userId: string, missed: MissedBlobs) => Promise<void>
}

/** What a listing may not have shown. */
export interface MissedBlobs {
  readonly cacheKeys: readonly Uint8Array[]
  readonly deleted: ReadonlySet<string>
}
