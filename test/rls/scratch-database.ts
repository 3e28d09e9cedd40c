import { Client, type ClientConfig } from 'pg'
import { inject } from 'vitest'
import { setUpDatabase } from '#scripts/stack/database/set-up.ts'

export interface ScratchDatabase {
  /** A superuser's connection. */
  readonly owner: Client
  /** The Worker's login to the same database. */
  readonly edgeUrl: string
}

type Options = Pick<ClientConfig, 'pipeline'>

/** A database of a test file's own, set up as an operator would: what it holds does not depend on other tests. */
export async function openScratchDatabase(databaseName: string, options?: Options): Promise<ScratchDatabase> {
  const stack = inject('stack')
  const { ownerUrl, edgeUrl } = await setUpDatabase({
    ownerUrl: stack.ownerUrl,
    databaseName,
    edgePassword: decodeURIComponent(new URL(stack.edgeUrl).password),
  })
  return { owner: await connectTo(ownerUrl, options), edgeUrl }
}

/** With `pipeline`, queries are sent without waiting for the answers to those before. */
export async function connectTo(connectionString: string, options: Options = {}): Promise<Client> {
  const client = new Client({ connectionString, ...options })
  await client.connect()
  return client
}
