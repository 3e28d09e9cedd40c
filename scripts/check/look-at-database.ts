import { Client } from 'pg'
import { describeFailure } from '#scripts/stack/failure.ts'

/** What the scripts that look at a deployment take from the environment, told with each of them. */
const deploymentUsage = `  DATABASE_URL       the database's owner, as for npm run db:setup
  STORES             none: the database alone (the default); deployed: also the KV and R2 of wrangler.toml, for which
                     wrangler must be signed in; or where a local Worker keeps them (npm run dev: .neuraform/worker/v3)`

/**
 * Runs a script's look at the database of DATABASE_URL and at the stores that STORES names. Returns the exit code: what
 * the look says, 1 where it could not be taken, 2 with the usage where no database is named.
 */
export async function lookAtDatabase(
  usage: string,
  look: (client: Client, stores: string) => Promise<number>,
): Promise<number> {
  const connectionString = process.env['DATABASE_URL']
  if (!connectionString) {
    console.error(`${usage}\n\n${deploymentUsage}`)
    return 2
  }
  const client = new Client({ connectionString })
  try {
    await client.connect()
    return await look(client, process.env['STORES'] || 'none')
  } catch (error) {
    console.error(`\n${describeFailure(error)}`)
    return 1
  } finally {
    await client.end().catch(() => undefined)
  }
}
