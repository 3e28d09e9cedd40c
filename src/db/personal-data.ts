import type { PgColumn, PgTable } from 'drizzle-orm/pg-core'
import type { Config } from '#src/config.ts'

/** What a slice holds of a person. Rows go with the account by their foreign keys; blobs go through `eraseBlobs`. */
export interface PersonalData {
  readonly slice: string
  readonly tables: readonly PgTable[]
  /** The columns that hold what the person's data key sealed. */
  readonly sealed?: readonly PgColumn[]
  /** Deletes what lies outside the database. It may run again after it was cut short. */
  readonly eraseBlobs?: (config: Config, userId: string) => Promise<void>
  /** Deletes what a listing may not have shown yet, by the names that the last rows gave. */
  readonly eraseNewBlobs?: (config: Config, userId: string, cacheKeys: readonly Uint8Array[]) => Promise<void>
}
