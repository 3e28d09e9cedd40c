import { Client } from 'pg'
import { inject } from 'vitest'
import { setUpDatabase } from '#scripts/stack/database/set-up.ts'

export interface ScratchDatabase {
  /** A superuser's connection. */
  readonly owner: Client
  /** The Worker's login to the same database. */
  readonly edgeUrl: string
}

/** A database of a test file's own, set up as an operator would: what it holds does not depend on other tests. */
export async function openScratchDatabase(databaseName: string): Promise<ScratchDatabase> {
  const stack = inject('stack')
  const { ownerUrl, edgeUrl } = await setUpDatabase({
    ownerUrl: stack.ownerUrl,
    databaseName,
    edgePassword: decodeURIComponent(new URL(stack.edgeUrl).password),
  })
  return { owner: await connectTo(ownerUrl), edgeUrl }
}

export async function connectTo(connectionString: string): Promise<Client> {
  const client = new Client({ connectionString })
  await client.connect()
  return client
}
