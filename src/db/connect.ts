import type { Config } from '#src/config.ts'
import type { Database } from '#src/db/database.ts'
import { NeonDatabase } from '#src/db/neon-database.ts'
import { PipelinedDatabase } from '#src/db/pipelined-database.ts'
import { Problem } from '#src/http/problem.ts'

/** The database of one request: through Hyperdrive where it is bound, else Neon's. Throws `not_configured` without either. */
export function openDatabase(config: Config): Database {
  const { NEON_DATABASE_URL: neonUrl, NEON_FETCH_ENDPOINT: neonEndpoint, DATABASE_DEADLINE_MS: deadlineMs } = config
  const hyperdriveUrl = config.bindings.HYPERDRIVE?.connectionString
  if (hyperdriveUrl !== undefined) return new PipelinedDatabase(hyperdriveUrl, deadlineMs)
  if (neonUrl !== undefined) return new NeonDatabase(neonUrl, deadlineMs, neonEndpoint)
  throw new Problem('not_configured', 'No database is bound: HYPERDRIVE or NEON_DATABASE_URL.')
}
