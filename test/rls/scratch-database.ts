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

const template = 'neuraform_scratch'

/** A database of a test file's own, set up as an operator would, over a copy of one that was set up so before: what it holds does not depend on other tests. */
export async function openScratchDatabase(databaseName: string, options?: Options): Promise<ScratchDatabase> {
  const stack = inject('stack')
  const edgePassword = decodeURIComponent(new URL(stack.edgeUrl).password)
  const setUp = (name: string) => setUpDatabase({ ownerUrl: stack.ownerUrl, databaseName: name, edgePassword })
  await copyTemplate(stack.ownerUrl, databaseName, () => setUp(template))
  const { ownerUrl, edgeUrl } = await setUp(databaseName)
  return { owner: await connectTo(ownerUrl, options), edgeUrl }
}

/** Makes the database, unless it is there, as a copy: that takes a quarter of a set-up. Whoever comes first makes the template. */
async function copyTemplate(ownerUrl: string, databaseName: string, make: () => Promise<unknown>): Promise<void> {
  const client = await connectTo(ownerUrl)
  try {
    await client.query(`select pg_advisory_lock(hashtextextended('${template}', 0))`)
    const { rows } = await client.query<{ name: string }>(
      'select datname as name from pg_database where datname in ($1, $2)',
      [template, databaseName],
    )
    const names = new Set(rows.map(({ name }) => name))
    if (names.has(databaseName)) return
    if (!names.has(template)) await make()
    await client.query(`create database ${databaseName} template ${template}`)
  } finally {
    await client.end()
  }
}

/** With `pipeline`, queries are sent without waiting for the answers to those before. */
export async function connectTo(connectionString: string, options: Options = {}): Promise<Client> {
  const client = new Client({ connectionString, ...options })
  await client.connect()
  return client
}
