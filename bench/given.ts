import { setUpDatabase, type DatabaseUrls } from '#scripts/stack/database/set-up.ts'
import { startPostgres } from '#scripts/stack/postgres.ts'

// What several small runs share, each of them makes for itself when it is not given.
const { BENCH_OWNER_URL: ownerUrl, BENCH_EDGE_URL: edgeUrl, BENCH_BUNDLES: bundles } = process.env

type Urls = Pick<DatabaseUrls, 'ownerUrl' | 'edgeUrl'>

/** The database that was given, set up for the Worker, or one on a PostgreSQL that is made in the folder. */
export async function openDatabase(
  dataDirectory: string,
  stopLater: (part: { stop(): unknown }) => void,
): Promise<Urls & { readonly port: number }> {
  if (ownerUrl !== undefined && edgeUrl !== undefined) {
    return { ownerUrl, edgeUrl, port: Number(new URL(ownerUrl).port) }
  }
  const postgres = await startPostgres({ dataDirectory, settings: { fsync: 'off' } })
  stopLater(postgres)
  const urls = await setUpDatabase({ ownerUrl: postgres.ownerUrl, databaseName: 'neuraform' })
  return { ...urls, port: postgres.port }
}

/** Where bundles may lie already: the folder that was given, or the benchmark's own. */
export const bundlesIn = (directory: string): string => bundles ?? directory
