import type { PgTable } from 'drizzle-orm/pg-core'
import type { Config } from '#src/config.ts'

/** The blobs of a person who leaves, as the database knows them. */
interface LeavingBlobs {
  readonly userId: string
  readonly cacheKeys: readonly Uint8Array[]
}

/** What a slice holds of a person. Rows go with the account by their foreign keys; blobs go through `eraseBlobs`. */
export interface PersonalData {
  readonly slice: string
  readonly tables: readonly PgTable[]
  /** Deletes what lies outside the database. It may run again after it was cut short. */
  readonly eraseBlobs?: (config: Config, blobs: LeavingBlobs) => Promise<void>
}
